/** A form of a page, as a browser without script would send it. */
export interface HtmlForm {
  readonly action: string;
  /** Names and values it sends untouched: hidden fields, typed defaults, ticked boxes. */
  readonly fields: readonly (readonly [string, string])[];
  /** Every box, ticked or not. */
  readonly boxes: readonly { readonly name: string; readonly value: string; readonly isTicked: boolean }[];
  /** Submit buttons that have a name. */
  readonly buttons: readonly { readonly name: string; readonly value: string }[];
  /** Names of all inputs. */
  readonly names: ReadonlySet<string>;
  readonly needsScript: boolean;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'", apos: "'" };

/** HTML text with its entities resolved. */
export function decodeEntities(html: string): string {
  return html.replaceAll(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

/** The attributes of a start tag; one without a value is empty. */
function attributesOf(tag: string): ReadonlyMap<string, string> {
  const found = tag.replace(/^<\w+/, '').matchAll(/([\w-]+)(?:\s*=\s*"([^"]*)")?/g);
  return new Map([...found].map(([, name = '', value = '']) => [name.toLowerCase(), decodeEntities(value)]));
}

function formOf(startTag: string, content: string): HtmlForm {
  const form = attributesOf(startTag);
  const inputs = [...content.matchAll(/<input\b[^>]*>/g)].map(([tag]) => attributesOf(tag));
  const buttons = [...content.matchAll(/<button\b[^>]*>/g)].map(([tag]) => attributesOf(tag));
  const named = inputs.flatMap((input) => {
    const name = input.get('name');
    return name === undefined ? [] : [{ name, input, isBox: ['checkbox', 'radio'].includes(input.get('type') ?? '') }];
  });
  const boxes = named
    .filter(({ isBox }) => isBox)
    .map(({ name, input }) => ({ name, value: input.get('value') ?? 'on', isTicked: input.has('checked') }));
  const typed = named.filter(({ isBox }) => !isBox).map(({ name, input }) => [name, input.get('value') ?? ''] as const);
  return {
    action: form.get('action') ?? '',
    fields: [...typed, ...boxes.filter(({ isTicked }) => isTicked).map(({ name, value }) => [name, value] as const)],
    boxes,
    buttons: buttons.flatMap((button) =>
      button.has('name') ? [{ name: button.get('name') ?? '', value: button.get('value') ?? '' }] : [],
    ),
    names: new Set(named.map(({ name }) => name)),
    needsScript: (form.get('class') ?? '').includes('needs-script'),
  };
}

/** The forms that send something (method POST), in the order of the page. */
export function formsIn(html: string): readonly HtmlForm[] {
  return [...html.matchAll(/(<form\b[^>]*>)([\s\S]*?)<\/form>/g)]
    .filter(([, tag = '']) => /method="post"/i.test(tag))
    .map(([, tag = '', content = '']) => formOf(tag, content));
}
