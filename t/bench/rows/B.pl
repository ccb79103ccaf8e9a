# What a credited result costs in a small network: few tasks, small batches.
package Bench::Row::B;

use strict;
use warnings;

use Bench::Recover;

return {
	row => 'B',
	what => 'a credited result, in batches of 3',
	of => 'CPU of worknet-fcgi for a credited result / CPU of ' .
	    'secp256k1_ecdsa_recover',
	better => 'less', must => 1.7,
	measure => sub { return Bench::Recover::measure($_[0], 3, 2000) },
};
