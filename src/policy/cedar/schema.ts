/** ISO 4217 codes that the schema knows an amount of. Another currency still stands in `context.currencies`. */
export const CURRENCIES: readonly string[] = (
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP ' +
  'CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD ' +
  'JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN ' +
  'NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB ' +
  'TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG'
).split(' ');

/** Names the meaning of the schema: it changes when a member is added or means something else. */
export const SCHEMA_VERSION = 1;

/**
 * What policies may speak about, in Cedar's own language for schemas. Published at `/api/v1/policies/schema`; members are only ever
 * added. A member with a question mark may be missing: a policy asks with `has` before it reads one.
 */
export const POLICY_SCHEMA = `// Behalf, schema of policies, version ${SCHEMA_VERSION}

/// Several people who answer for something together: Group::"grp_…".
entity Group;
/// Somebody with an account: Person::"usr_…".
entity Person in [Group];
/// A record of the registry: Agent::"agt_…". It is "in" every agent above it.
entity Agent in [Agent] {
  name: String,
  risk: Long,                // 1 low, 2 medium, 3 high
  risk_level: String,        // "low", "medium", "high"
  autonomy: String,          // "interactive", "background"
  environment?: String,
  model_provider?: String,
  model_name?: String,
  model_version?: String,
  data_classes: Set<String>,
  owner?: String,            // "usr_…" or "grp_…"
  self_service: Bool,        // a person let the software in by consent alone
  under_review: Bool,        // it acts while it is under review for drift
  valid_until?: datetime,
};
/// A service or an application that an administrator registered: Service::"svc_…".
entity Service;
/// A registered resource server, by its identifier: ResourceServer::"https://invoices.acme.test/mcp".
entity ResourceServer;
/// A thing of a resource server that it asks about: Thing::"tool:pay_invoice". Tags: what the caller said of it.
entity Thing in [ResourceServer] { kind: String, name: String } tags String;
/// A token for nothing but who the person is.
entity Identity;
/// What a caller of the evaluation interface said, as tags: "subject.department", "action.dry_run", "context.ticket".
entity Said tags String;

type Amounts = {
${CURRENCIES.map((code) => `  ${code}?: decimal,`).join('\n')}
};

type Asked = {
  asked_as: String,          // "subject", "actor" or "owner": in whose role the principal is asked about
  subject: String,           // whose token it is: "usr_…", "agt_…" or "svc_…"
  subject_kind: String,      // "person", "agent", "service"
  agent?: Agent,             // the agent of the client
  client: String,            // client_id
  client_kind: String,       // "dynamic", "open", "document", "admin", "bootstrap", "workload"
  client_purpose: String,    // "agent", "application", "service", "resource_server"
  action: String,            // "issue_token", or what a resource server asks about
  grant?: String,            // "client_credentials", "authorization_code", "refresh_token", "ciba", "device_code", "token_exchange", "jwt_bearer"
  scopes: Set<String>,
  detail_types: Set<String>, // types of the authorization details
  tools: Set<String>,        // tools that the details name
  methods: Set<String>,      // HTTP methods that the details name
  paths: Set<String>,        // paths that the details name
  max_calls?: Long,          // the most calls that a detail allows
  currencies: Set<String>,   // currencies of all amounts in the details
  amounts: Amounts,          // the largest amount of each currency
  actors: Set<String>,       // every agent of the chain
  chain_length: Long,        // how many actors stand in the token
  at: datetime,
  hour: Long,                // 0 to 23, UTC
  minute: Long,
  weekday: Long,             // 1 Monday to 7 Sunday, UTC
  network?: ipaddr,          // where the request came from
  acr?: String,              // how the person signed in
  amr: Set<String>,
  session_age_seconds?: Long, // since the person signed in
  risk_signals: Set<String>,
  approved: Bool,            // a person approved exactly this
  said?: Said,
};

/// A token is about to be issued.
action "issue_token" appliesTo {
  principal: [Person, Agent, Service, Group],
  resource: [ResourceServer, Identity],
  context: Asked,
};
/// A resource server asks about one access; context.action says which.
action "access" appliesTo {
  principal: [Person, Agent, Service, Group],
  resource: [ResourceServer, Thing],
  context: Asked,
};
`;
