# Rounds as a worker signs them: of the tasks that a poll has brought.
package WorknetTest::Rounds;

use strict;
use warnings;

use Exporter 'import';

use WorknetTest qw(json_bool tool_ask);

our @EXPORT_OK = qw(round_result round_hash round_body);

sub ask {
	my $line = join("\t", @_);

	utf8::encode($line);
	return tool_ask('t/tools/sign_round', $line);
}

# The hash of a result $r of the task $t, both as they are on the wire, by the
# worker; %other: what is hashed instead.
sub round_hash {
	my ($worker, $t, $r, %other) = @_;
	my $round = $t->{round};

	return ask('hash', $other{ledger} // $round->{ledger},
	    $other{slot} // $round->{slot},
	    $other{worker} // $worker->{address},
	    $other{anchorSize} // $round->{anchorSize},
	    $other{anchorRoot} // $round->{anchorRoot},
	    $other{taskId} // $t->{id}, $other{url} // $t->{url},
	    $other{expectedStatus} // $t->{expectedStatus},
	    $other{timestamp} // $r->{timestamp},
	    ($other{success} // $r->{success}) ? 1 : 0,
	    $other{statusCode} // $r->{statusCode} // 0,
	    $other{responseTimeMs} // $r->{responseTimeMs},
	    $other{error} // $r->{error} // '',
	    $other{trace} // $r->{trace} // '',
	    $other{region} // $round->{region});
}

# A result of the task, good unless fields say otherwise, with its hash.
sub round_result {
	my ($w, $worker, $t, %fields) = @_;
	my $hashed = delete $fields{hashed} // {};
	my $r = { taskId => $t->{id}, slot => $t->{round}{slot},
	    timestamp => $w->fresh_ms, success => 1, responseTimeMs => 45,
	    statusCode => 200, %fields };

	delete $r->{$_} for grep { !defined $r->{$_} } keys %$r;
	$r->{hash} //= round_hash($worker, $t, $r, %$hashed);
	$r->{success} = json_bool($r->{success});
	return $r;
}

# The body that submits these results; %opt: count, key, worker, hashes, which
# are signed instead, and signature, scheme, which are sent instead.
sub round_body {
	my ($w, $worker, $ledger, $results, %opt) = @_;
	my @hashes = $opt{hashes} ? @{ $opt{hashes} } :
	    map { $_->{hash} } @$results;
	my $signature = $opt{signature} // ask('sign',
	    '0x' . ($opt{key} // $worker->{key}), $ledger,
	    $opt{signed_worker} // $worker->{address},
	    $opt{count} // scalar @hashes, @hashes);

	return { round => { scheme => $opt{scheme} // 'eip712-round',
	    worker => $opt{worker} // $worker->{address},
	    signature => $signature }, results => $results };
}

1;
