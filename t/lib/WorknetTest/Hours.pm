# Hours of tasks that a test puts into a ledger by itself, which has no results.
package WorknetTest::Hours;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(days_sql);

# The days of all hours, and their strips, as worknet-log leaves them.
sub days_sql {
	my @letters = ([ u => 'up' ], [ d => 'down' ], [ c => 'unconfirmed' ],
	    [ n => 'unknown' ], [ x => 'disputed' ], [ p => 'paused' ],
	    [ m => 'maintenance' ]);
	my @all = qw(up down unconfirmed unknown disputed paused maintenance
	    hidden_up hidden_down hidden_unconfirmed hidden_unknown
	    hidden_disputed);
	my $sums = join ', ', map { "sum($_)" } (map { "${_}_ms" } @all),
	    qw(copies votes dissents drills in_rounds);
	my $text = join ' || ', map { "CASE WHEN $_->[1]_ms > 0 " .
	    "THEN '$_->[0]' || $_->[1]_ms ELSE '' END" } @letters;

	return "INSERT INTO uptime_day SELECT task, hour_ms / 86400000,
	    count(*), $sums FROM uptime_hour GROUP BY task, hour_ms / 86400000;
	INSERT INTO uptime_strip SELECT task, min(day), group_concat(text) FROM
	    (SELECT task, day, $text AS text FROM uptime_day d WHERE day >
		(SELECT max(day) - 91 FROM uptime_day n WHERE n.task = d.task)
		ORDER BY task, day)
	    GROUP BY task;";
}

1;
