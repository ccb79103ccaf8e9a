# What a poll costs when there is nothing to do: most of all requests.
package Bench::Row::C;

use strict;
use warnings;

use Bench::Polls;

return {
	row => 'C',
	what => 'a poll when nothing is due',
	of => 'polls in a second / answers in a second of a responder that ' .
	    'does nothing',
	better => 'more', must => 1.2,
	measure => sub { return Bench::Polls::measure($_[0],
	    workers => 2000, idle => 3) },
};
