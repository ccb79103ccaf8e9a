// What holds in the rig, one sentence a test, in this order and on the same two rigs. As TAP:
//   node --test-reporter=tap rig/rig.test.js
import './cases/token.js';
import './cases/settle.js';
import './cases/lies.js';
import './cases/node.js';
import './cases/invent.js';
import './cases/commands.js';
