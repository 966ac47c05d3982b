/** The last line of a run, for people and for continuous integration: `N passed, N failed`. */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    // A suite that did not load has no tests to count.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const parts = [`${results.numPassedTests} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])];
    process.on('exit', () => process.stdout.write(`${parts.join(', ')}\n`));
  }
}
