import { presentTokenPage } from '../../../src/tokens/lineage/page.ts';
import { sampleContext, sampleLineage } from '../../tokens/lineage-sample.ts';
import type { Sample } from '../shapes.ts';
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
];
