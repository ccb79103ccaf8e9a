# The pages of a large network: what they cost the coordinator, how large they
# are, when a browser shows them, and what a crowd of readers does to other rows.
package Bench::Pages;

use strict;
use warnings;

use Compress::Zlib ();

use Bench::Site;
use WorknetTest::Hours qw(days_sql);
use WorknetTest qw(build_path child_end child_start exec_logged find_program
    json_text now_ms run_command source_path spurt);

our @ISA = ('Bench::Site');

use constant { TASKS => 1000, DAYS => 90, HOUR => 3600_000, PAGE_MS => 5,
    BYTES => 400_000, SHOWN_MS => 1000, READERS => 1000, WITHIN => 0.05 };

# A ledger with hours of all tasks as rollups would have left them, up to now.
sub new {
	my ($class) = @_;
	my $self = Bench::Site::new($class);
	my $end = now_ms() - now_ms() % HOUR;
	my $begin = $end - (DAYS + 2) * 24 * HOUR;

	$self->past((DAYS + 2) * 24 * 3600)->init;
	spurt($self->dir('tasks.json'), json_text([ map { {
	    id => sprintf('site-%04d.example.org', $_), type => 'http_check',
	    url => "https://site-$_.example.org/", expectedStatus => 200,
	    timeoutMs => 5000, rewardMicros => 100, intervalMs => 60000,
	    copies => 3 } } 1 .. TASKS ]));
	$self->worknet('task', 'import', $self->dir('tasks.json'));
	$self->now;
	# Each task has its own outages, and something unknown each week.
	$self->sql_text("INSERT INTO network (id, name) VALUES
	    (1, '198.51.100.0/24'), (2, '203.0.113.0/24');
	WITH RECURSIVE h (ms) AS (SELECT $begin UNION ALL SELECT ms + ${\HOUR}
	    FROM h WHERE ms + ${\HOUR} < $end),
	b AS (SELECT k.id AS task, ms, CASE WHEN (ms / ${\HOUR} + k.id * 131) % 400
	    = 7 THEN 1200000 ELSE 0 END AS down, CASE WHEN (ms / ${\HOUR} +
	    k.id) % 168 < 9 THEN 2400000 ELSE 0 END AS unknown
	    FROM task k CROSS JOIN h)
	INSERT INTO uptime_hour SELECT task, ms, ${\HOUR} - CASE WHEN down > 0
	    THEN down ELSE unknown END,
	    down, 0, CASE WHEN down > 0 THEN 0 ELSE unknown END, 0, 0, 0, 0, 0,
	    0, 0, 0, 180, 178, 1, 2, 60, ms + ${\HOUR}, -1, -1, 0, -1, '',
	    ms + ${\HOUR}, 3 FROM b;
	INSERT INTO response_hour SELECT task, hour_ms, 0, 178, 80 + hour_ms /
	    ${\HOUR} % 24, 150 + hour_ms / ${\HOUR} % 37, 900 FROM uptime_hour;
	INSERT INTO incident SELECT task, hour_ms + 300000, hour_ms + 1500000,
	    'recovered', '1 2' FROM uptime_hour WHERE down_ms > 0;" . days_sql());
	return $self;
}

# ---- One reader ----

# The CPU of the coordinator for a page of its own, in ms, and the page.
sub cold {
	my ($self, $path) = @_;
	my $cpu = Bench::Site::cpu_s($self->pid);
	my $r = $self->fcgi->get($path);

	die "$path: $r->{status}\n" if $r->{status} != 200;
	return (1000 * (Bench::Site::cpu_s($self->pid) - $cpu), $r->{body});
}

# Each of the pages that the first one leads to.
sub all_pages {
	my ($self) = @_;
	my ($path, @pages) = ('/');

	while (defined $path) {
		push @pages, ($self->cold($path))[1];
		($path) = $pages[-1] =~ m{<a href="(/\?after=[^"]+)">More};
	}
	return @pages;
}

# When a browser that has nothing yet shows it, in ms; undef without one.
sub shown_ms {
	my ($self, $path) = @_;
	my $chromium = $ENV{CHROMIUM} // '/usr/bin/chromium';

	return undef if !-x $chromium || !-d
	    source_path('t/node_modules/playwright-core');
	my ($status, $out, $err) = run_command(find_program('node'),
	    source_path('t/bench/shown.mjs'), $chromium,
	    "http://127.0.0.1:$self->{port}$path");
	die "shown.mjs: $err" if $status != 0;
	return $out + 0;
}

# ---- A thousand a second ----

# How often the coordinator was asked for a page.
sub asked {
	my ($self) = @_;
	my $text = $self->fcgi->get('/metrics', params => { WORKNET_LOCAL => 1 })
	    ->{body};

	my $n = 0;
	$n += $1 while $text =~ /^worknet_requests_total\{route="\/",.*\} (\d+)$/mg;
	return $n;
}

# A thousand a second who read the first page over and over.
sub reading {
	my ($self, $seconds) = @_;
	my $request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" .
	    "Accept-Encoding: gzip\r\n\r\n";

	spurt($self->dir('reads'), pack('V/a*', $request));
	return ('--cycle', $self->dir('reads'), '--rate', READERS,
	    '--seconds', $seconds, '--connections', 64);
}

sub readers_start {
	my ($self) = @_;
	my @reading = $self->reading(3600);

	return child_start('readers', sub {
		exec_logged($self->dir('readers'), build_path('t/bench/load'),
		    '--port', $self->{port}, @reading);
	});
}

sub row_ratio {
	my ($run, $name) = @_;
	my $row = do(source_path("t/bench/rows/$name.pl")) or
	    die "$name: $@$!\n";

	return Bench::median(@{ $row->{measure}->($run)->{ratios} });
}

# By how much rows are worse while readers read, of what they are without.
sub rows_beside {
	my ($self, $run) = @_;
	my @rows = $run->choose([qw(A C)], [qw(A B C D)])->@*;
	my %alone = map { $_ => row_ratio($run, $_) } @rows;
	my $readers = $self->readers_start;
	my %beside = map { $_ => row_ratio($run, $_) } @rows;

	child_end($readers, 'KILL');
	return map { [ $_, ($_ =~ /[AB]/ ? $beside{$_} / $alone{$_}
	    : $alone{$_} / $beside{$_}) - 1 ] } @rows;
}

# ---- All of it ----

sub measure {
	my ($run) = @_;
	my $self = Bench::Pages->new->serve;
	my @pages = $self->all_pages;
	my $bytes = 0;
	$bytes += length(Compress::Zlib::memGzip($_)) for @pages;
	my $tasks = () = join('', @pages) =~ /<th scope="row">/g;
	my @cpu = map { ($self->cold('/'))[0] } 1 .. $run->choose(40, 200);
	my ($task) = ($self->cold('/task/site-0500.example.org'))[0];
	my $first_ms = $self->shown_ms('/');
	my $asked = $self->asked;
	my @shown = map { $self->shown_ms('/') // () } 1 .. 3;
	my $nginx = $self->nginx_cpu_s;
	my $l = $self->load($self->reading(5));
	my $warm = $self->asked - $asked;
	$nginx = 1e6 * ($self->nginx_cpu_s - $nginx) / $l->{answers};
	my @worse = $self->rows_beside($run);

	$self->end;
	return {
		ratios => [ map { $_ / PAGE_MS } @cpu ],
		parts => [
			[ 'CPU of worknet-fcgi for the first page', \@cpu, 'ms' ],
			[ 'the same of a task\'s page', $task, 'ms' ],
			[ 'its HTML, compressed', length(
			    Compress::Zlib::memGzip($pages[0])), 'bytes' ],
			[ 'HTML of all tasks, compressed', $bytes, 'bytes' ],
			@shown ? [ 'a browser shows it after', \@shown, 'ms' ] : (),
			[ 'CPU of nginx for a reader', $nginx, 'us' ],
			map { [ "row $_->[0] is worse beside " . READERS .
			    ' readers a second', 100 * $_->[1], '%' ] } @worse,
		],
		holds => [
			[ 'all tasks are shown', $tasks == TASKS, $tasks ],
			[ 'their HTML is at most 400 kB, compressed',
			    $bytes <= BYTES, $bytes ],
			@shown ? [ 'a browser shows the first page within 1 s',
			    Bench::median(@shown) < SHOWN_MS, Bench::median(
			    @shown) . ' ms' ] : (),
			# Once in ten seconds it is asked for anew.
			[ 'readers of what nginx has ask nothing of the ' .
			    'coordinator', $warm <= 2, "$warm of $l->{answers}" ],
			map { [ "row $_->[0] stays within 5 % beside readers",
			    $_->[1] <= WITHIN, sprintf('%+.1f %%', 100 *
			    $_->[1]) ] } @worse,
		],
	};
}

1;
