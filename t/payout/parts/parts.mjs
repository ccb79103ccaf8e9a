// What holds of the pay room's modules, one sentence a test.
import { testBase, testLies } from './facilitator.mjs';
import { testNodes } from './nodes.mjs';
import { testTokens } from './tokens.mjs';
import { testVerdicts } from './verdicts.mjs';
import { withRig } from './rig.mjs';
import { done, ok } from './tap.mjs';

process.on('unhandledRejection', (e) => { throw e; });

async function main() {
  await testTokens();
  await withRig(84532, async (r) => {
    await testBase(r);
    await testLies(r);
    await testVerdicts(r);
    await testNodes(r);
  });
  await withRig(8453, async (r) => {
    await testBase(r);
    await testVerdicts(r);
  });
}

main().catch((e) => ok(false, `the cases run to their end: ${e.stack}`)).finally(done);
