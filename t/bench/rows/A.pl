# What a credited result costs when nothing is posted in vain.
package Bench::Row::A;

use strict;
use warnings;

use Bench::Recover;

return {
	row => 'A',
	what => 'a credited result, in batches of 50',
	of => 'CPU of worknet-fcgi for a credited result / CPU of ' .
	    'secp256k1_ecdsa_recover',
	better => 'less', must => 1.2, aim => 1.15,
	measure => sub { return Bench::Recover::measure($_[0], 50, 200) },
};
