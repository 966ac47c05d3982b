import { momentOf } from '../../platform/http/moment.ts';
import type { Namer } from '../present.ts';
import type { EnrolmentChoice, EnrolmentSetting } from './setting.ts';

/** A question of the page, with the answers it offers in words. */
interface Question<Value extends string = string> {
  readonly name: Exclude<keyof EnrolmentChoice, 'documentDomains'>;
  readonly legend: string;
  readonly answers: Readonly<Record<Value, { readonly words: string; readonly hint: string }>>;
}

const newSoftware: Question<EnrolmentChoice['newSoftware']> = {
  name: 'newSoftware',
  legend: 'Software that nobody here knows asks to act for a person',
  answers: {
    person: { words: 'The person decides', hint: 'It acts for that person alone, and you see it at once under Software.' },
    administrator: { words: 'It waits for an administrator', hint: 'The person is told so, and may ask you to let it in.' },
  },
};
const selfServiceRisk: Question<EnrolmentChoice['selfServiceRisk']> = {
  name: 'selfServiceRisk',
  legend: 'What a person’s yes is enough for, until you adopt the software',
  answers: {
    low: { words: 'Scopes of low risk', hint: 'Scopes say their risk on the record of their resource server.' },
    medium: { words: 'All but scopes of high risk', hint: 'Where a record does not say, the risk is medium.' },
    high: { words: 'Every scope', hint: 'Also payments and whatever else is marked as high risk.' },
  },
};
const openRegistration: Question<EnrolmentChoice['openRegistration']> = {
  name: 'openRegistration',
  legend: 'Software may register by itself',
  answers: {
    open: { words: 'Without a token', hint: 'Older MCP clients know no other way. What registers may do nothing until a person says yes.' },
    statement: { words: 'With a statement that a trusted publisher signed', hint: 'You name the publishers under Trusted issuers.' },
    token: { words: 'Only with an enrolment token', hint: 'You make one for each team under Enrolment tokens.' },
  },
};
const documents: Question<EnrolmentChoice['documents']> = {
  name: 'documents',
  legend: 'Software may come with the address of its metadata document',
  answers: {
    open: { words: 'From anywhere', hint: 'The way of today’s MCP clients: nothing is registered, and the address proves who it is.' },
    allow_list: { words: 'From these domains, and what lies below them', hint: '' },
    off: { words: 'No', hint: 'This server then reads no address that a stranger names.' },
  },
};

function shown(question: Question, choice: EnrolmentChoice) {
  const answers = Object.entries(question.answers);
  return {
    name: question.name,
    legend: question.legend,
    answers: answers.map(([value, { words, hint }]) => ({
      value,
      words,
      ...(hint === '' ? {} : { hint }),
      checked: choice[question.name] === value,
    })),
  };
}

/** The model of views/console/enrolment-setting.eta. */
export async function presentEnrolment(setting: EnrolmentSetting, around: { nameOf: Namer; now: Date; mayChange: boolean }) {
  const { choice, version, changedBy, changedAt } = setting;
  const by = changedBy === undefined ? undefined : ((await around.nameOf(changedBy)) ?? changedBy);
  return {
    mayChange: around.mayChange,
    version,
    questions: [newSoftware, selfServiceRisk, openRegistration, documents].map((question) => shown(question, choice)),
    documentDomains: choice.documentDomains.join('\n'),
    ...(changedAt === undefined ? {} : { changed: { by, when: momentOf(changedAt, around.now) } }),
  };
}
