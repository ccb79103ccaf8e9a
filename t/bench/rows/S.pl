# What a credited result costs when 3 of them are signed at once, as in a small
# network.
package Bench::Row::S;

use strict;
use warnings;

use Bench::Recover;

return {
	row => 'S',
	what => 'a credited result, in rounds of 3',
	of => 'CPU of worknet-fcgi for a credited result / CPU of ' .
	    'secp256k1_ecdsa_recover',
	better => 'less', must => 1.4, aim => 1.1,
	measure => sub {
		return Bench::Recover::measure($_[0], 3, 2000, rounds => 1) },
};
