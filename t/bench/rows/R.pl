# What a credited result costs when 50 of them are signed at once.
package Bench::Row::R;

use strict;
use warnings;

use Bench::Recover;

return {
	row => 'R',
	what => 'a credited result, in rounds of 50',
	of => 'CPU of worknet-fcgi for a credited result / CPU of ' .
	    'secp256k1_ecdsa_recover',
	better => 'less', must => 0.40, aim => 0.25,
	measure => sub {
		return Bench::Recover::measure($_[0], 50, 200, rounds => 1) },
};
