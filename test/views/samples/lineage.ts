import { presentTokenPage } from '../../../src/tokens/lineage/page.ts';
import { grantHistory } from '../../../src/tokens/lineage/present.ts';
import { sampleContext, sampleLineage } from '../../tokens/lineage-sample.ts';
import { type Sample, signedIn } from '../shapes.ts';
import { frame } from './console.ts';

const page = (lineage = sampleLineage) => ({ frame, ...presentTokenPage(lineage, sampleContext) });

/** The page of one token. */
export const lineageSamples: readonly Sample[] = [
  { template: 'console/token', model: page() },
  {
    template: 'console/token',
    variant: 'alone',
    model: page({ focus: { ...sampleLineage.focus, parentJti: undefined, childCount: 0 }, above: [], beside: [], below: [] }),
  },
  {
    template: 'me/grant',
    model: {
      frame: signedIn,
      heading: 'What Assistant did with it',
      words: 'Read your invoices',
      trees: grantHistory([sampleLineage], sampleContext),
      endHref: '/tenant/me/grants/grt_1/end',
    },
  },
  {
    template: 'me/grant',
    variant: 'not used',
    model: {
      frame: signedIn,
      heading: 'What Assistant did with it',
      words: 'Read your invoices',
      trees: [],
      endHref: '/tenant/me/grants/grt_1/end',
    },
  },
];
