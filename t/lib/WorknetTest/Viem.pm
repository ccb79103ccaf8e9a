# The worker in JavaScript, t/worker/viem.mjs, whose signatures viem makes.
package WorknetTest::Viem;

use strict;
use warnings;

use Exporter 'import';

use WorknetTest qw(build_path source_path find_program slurp spurt);

our @EXPORT_OK = qw(viem_is_here viem_command);

# Where the packages are: in the source, or in a build elsewhere.
sub modules {
	my ($found) = grep { -d "$_/viem" } source_path('t/node_modules'),
	    build_path('t/node_modules');
	return $found;
}

sub viem_is_here { return defined find_program('node') && defined modules() }

# What runs it for a worker, with a coordinator at that URL.
sub viem_command {
	my ($w, $worker, $url, @args) = @_;
	my $script = source_path('t/worker/viem.mjs');

	# Node looks for viem beside the script.
	if (modules() ne source_path('t/node_modules')) {
		mkdir $w->dir('js');
		symlink(modules(), $w->dir('js/node_modules'));
		spurt($w->dir('js/worker.mjs'), slurp($script));
		$script = $w->dir('js/worker.mjs');
	}
	return (find_program('node'), $script, '--coordinator', $url, '--key',
	    "0x$worker->{key}", @args);
}

1;
