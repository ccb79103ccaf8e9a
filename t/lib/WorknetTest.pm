# A coordinator of worknet to be tested: a directory with its configuration
# and ledger, worknet-fcgi, a real nginx in front of it when asked for, and
# clients for both. Everything started here ends with the test, however the
# test ends, and the directory is removed.
package WorknetTest;

use strict;
use warnings;

use Cwd ();
use Exporter 'import';
use File::Spec ();
use File::Temp ();
use IO::Handle;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use Test::More ();
use Time::HiRes ();

use WorknetTest::Fcgi;
use WorknetTest::Http qw(http_raw http_read);
use WorknetTest::Process qw($PATIENCE_S build_path source_path
    everybody_may_enter_build find_program need_program need_packages
    cannot_run now_ms wait_for slurp spurt run_command env_set child_start
    child_wait child_end child_is_running exec_logged ends_with_test
    tool_ask);

our @EXPORT_OK = qw(build_path source_path everybody_may_enter_build
    find_program need_program need_packages cannot_run now_ms wait_for
    slurp spurt run_command child_start child_wait child_end
    child_is_running exec_logged json_text json_value json_bool http_raw
    http_read poll_path tool_ask);

# ---- JSON and paths ------------------------------------------------------

my $json = JSON::PP->new->canonical->allow_nonref->utf8;
sub json_text { return $json->encode($_[0]) }
sub json_value { return $json->decode($_[0]) }
sub json_bool { return $_[0] ? JSON::PP::true : JSON::PP::false }

sub poll_path {
	my ($address, $region) = @_;

	return "/v1/worker/tasks?address=$address" .
	    (defined $region ? "&region=$region" : '');
}

# ---- The directory, the configuration, the ledger ------------------------

# Options: conf => { section => { key => value } }, dir_in => a directory
# for it (default: that for temporary files).
sub new {
	my ($class, %opt) = @_;
	my $in = $opt{dir_in} // File::Spec->tmpdir;

	# A socket's path has at most 107 bytes.
	$in = '/tmp' if length($in) > 70 && !defined $opt{dir_in};
	# Forked tests have the same random numbers, and what one of them made
	# and removed another one may have now: so each has its own names.
	my $dir = File::Temp::tempdir("worknet-$$-XXXXXX", DIR => $in,
	    CLEANUP => 1);
	ends_with_test('dir', $dir);
	my $self = bless { dir => Cwd::abs_path($dir), conf => {
		ledger => { path => 'data/ledger.db' },
		coordinator => {},
		honesty => { maturity_new_ms => 0 },	# paid at once
		# Everybody has standing: see t/coordinator/strangers.t.
		admission => { standing_results => 0, standing_hours => 0 },
		worker => { allow_private => 'yes' },	# tasks on loopback
		%{ $opt{conf} // {} },
	} }, $class;
	$self->{conf}{ledger}{path} //= 'data/ledger.db';
	mkdir "$self->{dir}/data" or die "$self->{dir}/data: $!";
	$self->conf_write;
	return $self;
}

# Mounts a tmpfs on the ledger's directory, until the test ends; true when
# that may be done here. size: as mount's.
sub mount_tmpfs {
	my ($self, $size) = @_;
	my ($status) = run_command(find_program('mount'), '-t', 'tmpfs',
	    '-o', "size=$size", 'tmpfs', $self->dir('data'));

	return 0 if $status != 0;
	ends_with_test('mount', $self->dir('data'));
	return 1;
}

# The same with the ledger in it, which nobody has open.
sub move_to_tmpfs {
	my ($self, $size) = @_;
	my $ledger = slurp($self->ledger_path);

	$self->mount_tmpfs($size) or die "can't mount a tmpfs\n";
	spurt($self->ledger_path, $ledger);
}

sub dir { return $_[0]{dir} . (defined $_[1] ? "/$_[1]" : '') }
sub conf_path { return $_[0]->dir('worknet.conf') }
sub socket_path { return $_[0]->dir('fcgi.sock') }
sub ledger_path { return $_[0]->dir('data/ledger.db') }
sub log_path { return $_[0]->dir('fcgi.log') }
sub log_text { return slurp($_[0]->log_path) }

sub conf_write {
	my ($self) = @_;
	my $text = '';

	for my $section (sort keys %{ $self->{conf} }) {
		$text .= "[$section]\n";
		$text .= "$_ = $self->{conf}{$section}{$_}\n"
		    for sort keys %{ $self->{conf}{$section} };
	}
	spurt($self->conf_path, $text);
}

# The operator's command, which must succeed; its output.
sub worknet {
	my ($self, @args) = @_;
	my ($status, $out, $err) = $self->worknet_try(@args);

	die "worknet @args: exit code $status\n$out$err" if $status != 0;
	return $out;
}

sub worknet_try {
	my ($self, @args) = @_;

	return run_command({ env => { $self->fault_env } },
	    build_path('worknet'), '-c', $self->conf_path, @args);
}

# What worknet init writes where there is no configuration. The ledger that it
# names is the machine's: nobody but root could make it, who has another /var/lib
# meanwhile.
sub sample_conf {
	my ($self) = @_;

	unlink $self->conf_path;
	run_command({ env => { LD_PRELOAD => undef } }, $> == 0 ?
	    (find_program('unshare'), '-m', '/bin/sh', '-c',
		'mount -t tmpfs tmpfs /var/lib && exec "$@"', 'sh') : (),
	    build_path('worknet'), '-c', $self->conf_path, 'init');
	return slurp($self->conf_path);
}

sub init {
	my ($self) = @_;

	$self->worknet('init');
	return $self;
}

# task_add('task_a', interval => '1s', ...): options as worknet's.
sub task_add {
	my ($self, $id, %opt) = @_;

	$opt{url} //= 'http://127.0.0.1:9/';
	$self->worknet('task', 'add', $id,
	    map { ("--$_", $opt{$_}) } sort keys %opt);
}

# What the sqlite3 shell says to statements, as SQL literals.
sub sql_text {
	my ($self, $sql, $mode) = @_;
	my ($status, $out, $err) = run_command({ stdin => $sql },
	    find_program('sqlite3'), '-batch', '-bail', $mode // '-quote',
	    '-cmd', '.timeout 60000', $self->ledger_path);

	die "sqlite3: $err\n$sql" if $status != 0 || $err ne '';
	return $out;
}

# Rows of a query as hashes; of other statements none.
sub sql {
	my ($self, $sql) = @_;
	my $out = $self->sql_text($sql, '-json');

	return $out eq '' ? () : @{ json_value($out) };
}

# The first column of the only row.
sub sql_value {
	my ($self, $sql) = @_;
	my @rows = $self->sql($sql);

	die "expected one value of: $sql\n" if @rows != 1 ||
	    keys %{ $rows[0] } != 1;
	return (values %{ $rows[0] })[0];
}

# What a worker has earned and is owed, in micro-USDC.
sub balance {
	my ($self, $worker) = @_;
	my $address = lc $worker->{address};

	return $self->sql_value("SELECT coalesce(sum(a.balance_micros), 0) " .
	    "FROM worker w JOIN account a ON a.id = w.id " .
	    "WHERE w.address = '$address'");
}

# The number of paid checks, and the sum of their rewards.
sub credited {
	my ($self) = @_;
	my ($row) = $self->sql('SELECT count(*) AS n, ' .
	    'coalesce(sum(v.reward_micros), 0) AS micros FROM result r ' .
	    'JOIN task_version v ON v.id = r.version');

	return ($row->{n}, $row->{micros});
}

# Everything that a request could change, as one text.
sub ledger_state {
	my ($self) = @_;

	return $self->sql_text('BEGIN;' . join('', map {
	    "SELECT * FROM $_ ORDER BY 1, 2;" } qw(account worker assignment
	    slot_counter worker_share network_share standing handout level
	    open_slot network_slot schedule task transfer
	    result)) . 'COMMIT;');
}

# The audit's exit code and output. A clean one is (0, ...).
sub audit {
	my ($self) = @_;
	my ($status, $out, $err) = $self->worknet_try('audit',
	    '--signatures');

	return ($status, $out . $err);
}

# Tests that the books balance and that the audit finds nothing.
sub audit_ok {
	my ($self, $name) = @_;
	my ($status, $text) = $self->audit;

	Test::More::is($self->sql_value('SELECT micros FROM trial_balance'),
	    0, "the trial balance is 0 $name");
	my @exceptions = $self->sql("SELECT * FROM exceptions");
	Test::More::is(scalar @exceptions, 0,
	    "no exceptions are listed $name");
	Test::More::is($status, 0, "the audit, with signatures, is clean " .
	    $name) or Test::More::diag($text);
}

# ---- Slots in numbers ----

# Begins a past in which hand_out() gives slots: for everything until now()
# the clock is that many seconds behind. Options of new() should have a
# result_window_ms that is long enough.
sub past {
	my ($self, $seconds) = @_;

	$self->fault_prepare;
	$self->clock_set(now_ms() - 1000 * $seconds);
	return $self;
}

# Ends it: from here on programs have the real time, and no preloaded object.
sub now {
	my ($self) = @_;

	die "the past is in the future\n" if $self->{clock} > now_ms();
	$self->clock_set(undef);
	$self->{fault} = 0;
	return $self;
}

# Gives each of the workers so many slots of each task: the schedule the first,
# since it gives nobody a second one that has the first; the others as it would,
# one a cycle of a second, by which the clock goes on. The tasks are made, and
# paused afterwards.
sub hand_out {
	my ($self, $tasks, $workers, $slots, %opt) = @_;
	my $helper = bless { %$self, conf => { %{ $self->{conf} },
	    coordinator => { %{ $self->{conf}{coordinator} },
	    max_tasks_per_poll => 50, prefix => '/api' } }, clients => [] },
	    'WorknetTest::Helper';

	for my $task (@$tasks) {
		if ($self->{made}{$task}++) {
			$self->worknet('task', 'resume', $task);
		} else {
			$self->task_add($task, interval => '1s',
			    copies => 100, cooldown => '0s', %opt);
		}
	}
	# Each hour has a phase of its own: what is repeated is of one hour.
	my $end = $self->{clock} + ($slots + 5) * 1000;
	my $next = $end - $end % 3600_000;
	$self->clock_set($next) if $self->{clock} < $next &&
	    $next + ($slots + 5) * 1000 < now_ms();
	$helper->conf_write;
	$helper->start;
	my $client = $helper->fcgi;
	my %missing = map { ($_->{address} => { map { ($_ => 1) } @$tasks }) }
	    @$workers;
	while (%missing) {
		# Each cycle has a moment in which anybody is served.
		$self->clock_set($self->{clock} + 95);
		for my $address (sort keys %missing) {
			my $m = $missing{$address};
			my $r = $client->get(poll_path($address));
			delete $m->{$_->{id}} for
			    @{ json_value($r->{body}) };
			delete $missing{$address} if !%$m;
		}
	}
	$helper->stop;
	$self->slots_repeat($tasks, $workers, $slots - 1);
	for my $w (@$workers) {
		push @{ $self->{held}{lc $w->{address}} },
		    map { ($_) x $slots } @$tasks;
	}
	$self->worknet('task', 'pause', $_) for @$tasks;
	return $self;
}

# What the workers were given last of the tasks, in so many later cycles, each
# worker a copy of each: those last ones may be of two cycles.
sub slots_repeat {
	my ($self, $tasks, $workers, $times) = @_;
	my $names = join ', ', map { "'$_'" } @$tasks;
	my $addresses = join ', ', map { "'" . lc($_->{address}) . "'" }
	    @$workers;

	return if $times <= 0;
	$self->sql_text("INSERT INTO assignment SELECT worker, task_name,
	    (SELECT last_slot FROM slot_counter) + row_number()
	    OVER (ORDER BY k, copies_before, task_name), version, reward_micros,
	    newest_cycle + k * 1000, copies_before, newest + k * 1000, region,
	    network, out_of_turn, type, expected_status, timeout_ms, compared,
	    anchor
	    FROM (SELECT a.*, value AS k,
	    row_number() OVER (PARTITION BY a.task_name, value ORDER BY a.slot)
	    - 1 AS copies_before,
	    max(a.cycle_ms) OVER (PARTITION BY a.task_name) AS newest_cycle,
	    max(a.assigned_ms) OVER (PARTITION BY a.task_name) AS newest
	    FROM assignment a
	    JOIN generate_series(1, $times) WHERE a.task_name IN ($names)
	    AND a.worker IN (SELECT id FROM worker
	    WHERE address IN ($addresses)) AND a.slot = (SELECT max(b.slot)
	    FROM assignment b WHERE b.worker = a.worker
	    AND b.task_name = a.task_name));
	    UPDATE slot_counter SET last_slot = (SELECT max(slot)
	    FROM assignment);");
	$self->clock_set($self->{clock} + ($times + 1) * 1000);
	return;
}

# The next task of which the worker was given a slot by hand_out(): for one
# result, or more that are never paid.
sub take {
	my ($self, $worker) = @_;

	return shift @{ $self->{held}{lc $worker->{address}} } //
	    die "$worker->{address} holds nothing more\n";
}

# ---- Trouble: t/tools/fault.c --------------------------------------------------

# Prepares for fault() and clock_set(): call it before start. seed => a number
# has the programs draw the same in each run.
sub fault_prepare {
	my ($self, %opt) = @_;

	$self->{fault} = 1;
	$self->{fault_seed} = $opt{seed};
	return $self;
}

sub fault_env {
	my ($self) = @_;

	return if !$self->{fault};
	my $asan = join(':', grep { defined && $_ ne '' } $ENV{ASAN_OPTIONS},
	    # The preloaded object comes before the sanitizer's library.
	    'verify_asan_link_order=0');
	return (LD_PRELOAD => build_path('t/tools/fault.so'),
	    ASAN_OPTIONS => $asan,
	    WN_FAULT_DIR => $self->dir('data'),
	    # Where the coordinator, once shut in, can still open files.
	    WN_FAULT_FILE => $self->dir('data/fault'),
	    WN_FAULT_CLOCK => $self->dir('data/clock'),
	    defined $self->{fault_seed} ?
		(WN_FAULT_SEED => $self->{fault_seed}) : ());
}

# fault('ENOSPC write ftruncate') from now on; fault() for no more.
sub fault {
	my ($self, $text) = @_;

	if (defined $text) {
		spurt($self->dir('data/fault'), $text);
	} else {
		unlink $self->dir('data/fault');
	}
}

# The clock of the programs started after fault_prepare; undef: real time.
sub clock_set {
	my ($self, $ms) = @_;

	$self->{clock} = $ms;
	if (defined $ms) {
		spurt($self->dir('data/clock'), "$ms\n");
	} else {
		unlink $self->dir('data/clock');
	}
}

# Now, or a little later: never the same twice, as two results of a worker for
# one task are told apart by their time.
sub fresh_ms {
	my ($self) = @_;
	my $now = $self->time_ms;

	return $self->{fresh} = $now > ($self->{fresh} // 0) ? $now :
	    $self->{fresh} + 1;
}

# Now, by the coordinator's clock.
sub time_ms { return $_[0]{clock} // now_ms() }

# ---- worknet-fcgi --------------------------------------------------------

# Starts the coordinator on its own socket and waits until it serves.
# Options: args => [...], env => {...}, how => code that replaces the process
# (gets the command).
sub start {
	my ($self, %opt) = @_;
	my $log = $self->log_path;
	my $log_before = length $self->log_text;

	$self->{pid} = child_start('worknet-fcgi', sub {
		env_set($self->fault_env, %{ $opt{env} // {} });
		my @command = (build_path('worknet-fcgi'), '-c',
		    $self->conf_path, @{ $opt{args} // [] });
		return $opt{how}->($log, @command) if $opt{how};
		exec_logged($log, @command, '-s', $self->socket_path);
	});
	wait_for(sub {
		die "worknet-fcgi ended:\n", substr($self->log_text,
		    $log_before) if !child_is_running($self->{pid});
		return substr($self->log_text, $log_before) =~ /serving with/;
	}, 'worknet-fcgi to serve');
	return $self;
}

sub pid { return $_[0]{pid} }
sub is_running { return child_is_running($_[0]{pid}) }

# Ends it; the wait status. A clean stop gives 0. The clients let go first:
# libfcgi waits two seconds for one that doesn't.
sub stop {
	my ($self, $signal) = @_;

	$_->close for @{ delete $self->{clients} // [] };
	my $status = child_end(delete $self->{pid}, $signal // 'TERM');
	$self->refused_nothing;
	return $status;
}

# Dies if its filter refused what it needs (src/serve/sandbox.c). A test that
# has it try something else says so by {intrudes}.
sub refused_nothing {
	my ($self) = @_;
	my @refused = $self->log_text =~ /^.*refused: system call.*$/mg;

	die "worknet-fcgi: @refused\n" if @refused && !$self->{intrudes};
}

# Waits for the end after a signal that was sent.
sub stop_wait {
	my ($self) = @_;
	my $status = child_wait(delete $self->{pid});

	$self->refused_nothing;
	return $status;
}

# Tests that neither a sanitizer nor a failed check was heard of.
sub log_ok {
	my ($self) = @_;
	my @bad = grep { /Sanitizer|runtime error:|check failed|\bCHECK\b/ }
	    split /\n/, $self->log_text;

	Test::More::is("@bad", '', 'nothing in the log of a sanitizer or ' .
	    'a failed check');
	Test::More::diag($self->log_text) if @bad;
}

# A client that speaks FastCGI to it, with one kept connection.
sub fcgi {
	my ($self) = @_;

	my $client = WorknetTest::Fcgi->new($self->socket_path,
	    $PATIENCE_S);
	push @{ $self->{clients} }, $client;
	return $client;
}

# ---- nginx ---------------------------------------------------------------

# Starts a real nginx with the shipped site. Options:
#   limits => 1		loopback clients have limits, too
#   edit => code	changes the site's text ($_) further
#   workers => n	worker processes
sub nginx_start {
	my ($self, %opt) = @_;

	# Somebody else may take the port between choosing and listening.
	for my $try (1 .. 10) {
		$self->{port} = free_port();
		$self->nginx_write(%opt);
		my ($status, $out, $err) = run_command($self->nginx_command,
		    '-t');
		die "nginx -t: $err" if $status != 0;
		return $self if $self->nginx_run;
	}
	die "nginx found no free port\n", slurp($self->dir('nginx.log'));
}

sub free_port {
	my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
	    Listen => 1) or die "socket: $!";

	return $s->sockport;
}

# The shipped site with this test's socket and port.
sub site_text {
	my ($self, %opt) = @_;

	local $_ = slurp(source_path('nginx/worknet.conf'));
	my $socket = $self->socket_path;
	s{unix:/run/worknet/fcgi\.sock;}{unix:$socket;} or
	    die 'nginx/worknet.conf: no socket to replace';
	s{listen 80;}{listen 127.0.0.1:$self->{port};} or
	    die 'nginx/worknet.conf: no port to replace';
	# A port would be another test's, too.
	my $metrics = $self->dir('nginx/metrics.sock');
	s{listen 127\.0\.0\.1:9180;}{listen unix:$metrics;} &&
	    s{allow 127\.0\.0\.1;}{allow unix:;} or
	    die 'nginx/worknet.conf: no metrics to replace';
	my $pages = $self->dir('nginx/pages');
	s{/var/lib/nginx/worknet}{$pages} or
	    die 'nginx/worknet.conf: no cache to replace';
	if ($opt{limits}) {
		s{127\.0\.0\.0/8\s+1;}{127.0.0.0/8 0;} or
		    die 'nginx/worknet.conf: no exemption to replace';
	}
	$opt{edit}->() if $opt{edit};
	return $_;
}

sub nginx_write {
	my ($self, %opt) = @_;
	my $dir = $self->dir('nginx');
	my $workers = $opt{workers} // 1;
	# As root the workers would be another user, who can't get in here.
	my $user = $> == 0 ? "user root;\n" : '';

	mkdir $dir;
	spurt("$dir/site.conf", $self->site_text(%opt));
	spurt("$dir/nginx.conf", $user . <<"EOF");
daemon off;
worker_processes $workers;
pid $dir/pid;
error_log $dir/error.log notice;
events {
	worker_connections 1024;
}
http {
	access_log $dir/access.log;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	include $dir/site.conf;
}
EOF
}

sub nginx_command {
	my ($self) = @_;
	my $dir = $self->dir('nginx');

	return (find_program('nginx'), '-p', $dir, '-e', "$dir/error.log",
	    '-c', "$dir/nginx.conf");
}

# True once it serves, false when the port was taken.
sub nginx_run {
	my ($self) = @_;
	my $dir = $self->dir('nginx');
	my @command = $self->nginx_command;

	unlink "$dir/pid";
	my $pid = child_start('nginx', sub {
		exec_logged($self->dir('nginx.log'), @command);
	});
	# nginx writes its id when it listens.
	my $serves = wait_for(sub {
		return 'no' if !child_is_running($pid);
		return 'yes' if slurp("$dir/pid") =~ /^\d+\n/;
	}, 'nginx to serve');
	$self->{nginx_pid} = $pid if $serves eq 'yes';
	return $serves eq 'yes';
}

sub nginx_stop {
	my ($self) = @_;

	return child_end(delete $self->{nginx_pid}, 'TERM');
}

sub nginx_log { return slurp($_[0]->dir('nginx/error.log')) }

sub url { return "http://127.0.0.1:$_[0]{port}" . ($_[1] // '') }

# ---- HTTP ----------------------------------------------------------------

# Through nginx, with the prefix that existing workers use, on a connection
# that is kept: a hash like that of WorknetTest::Fcgi::request.
sub http {
	my ($self, $method, $path, $body) = @_;
	my $bytes = http_raw($method, "/api$path", $body,
	    Connection => 'keep-alive');

	# nginx may have closed a connection that was idle, or restarted.
	for my $fresh (0, 1) {
		delete $self->{http} if $fresh ||
		    ($self->{http_port} // 0) != $self->{port};
		my $s = $self->{http} //= $self->http_socket;
		$self->{http_port} = $self->{port};
		my $answer = defined syswrite($s, $bytes) &&
		    http_read($s, $method);
		return $answer if $answer;
	}
	die "$method $path: no answer of nginx\n";
}

# A connected socket to nginx.
sub http_socket {
	my ($self) = @_;

	return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $self->{port}, Timeout => $PATIENCE_S) //
	    die "connect: $!";
}

# Posts each body on a connection of its own, all at once: the last byte of
# each is sent when the rest of all has been. $how: "nginx" or "fcgi". The
# answers, in order; undef for one that never came.
sub post_at_once {
	my ($self, $how, @bodies) = @_;
	my $direct = $how eq 'fcgi';
	my (@sockets, @last);

	for my $body (@bodies) {
		my $bytes = $direct ? WorknetTest::Fcgi::request_bytes('POST',
		    '/v1/worker/results', body => $body) :
		    http_raw('POST', '/api/v1/worker/results', $body);
		push @last, substr($bytes, -1, 1, '');
		push @sockets, $direct ?
		    IO::Socket::UNIX->new(Peer => $self->socket_path) :
		    $self->http_socket;
		syswrite($sockets[-1], $bytes);
	}
	syswrite($sockets[$_], $last[$_]) for 0 .. $#sockets;
	return map { $direct ? WorknetTest::Fcgi->adopt($_, $PATIENCE_S)
	    ->answer_and_close : http_read($_) } @sockets;
}

# The same for polls, directly.
sub poll_at_once {
	my ($self, @addresses) = @_;
	my @clients = map { $self->fcgi } @addresses;
	my @last;

	for my $i (0 .. $#addresses) {
		my $bytes = WorknetTest::Fcgi::request_bytes('GET',
		    '/v1/worker/tasks', query => "address=$addresses[$i]");
		push @last, substr($bytes, -1, 1, '');
		$clients[$i]->send_bytes($bytes);
	}
	$clients[$_]->send_bytes($last[$_]) for 0 .. $#clients;
	return map { $_->answer_and_close } @clients;
}

# ---- Workers and their signatures ----------------------------------------

# Worker number n, always the same: { key, address }.
sub worker {
	my ($self, $n) = @_;
	my $key = sprintf('%064x', 0x5eed0000 + $n);

	return $self->{worker}{$n} //= { key => $key,
	    address => ($self->sign($key, 'x', 0, 1, 'checksum'))[1] };
}

# (signature, address) of a result.
sub sign {
	my ($self, $key, $task, $timestamp, $success, $form) = @_;

	return split / /, tool_ask('t/tools/sign', join(' ', $key, $task,
	    $timestamp, $success ? 'true' : 'false', $form));
}

# A text's, with EIP-191; it isn't empty.
sub sign_text {
	my ($self, $worker, $text) = @_;

	return (split / /, tool_ask('t/tools/sign',
	    "$worker->{key} 0x" . unpack('H*', $text)))[0];
}

# A result as a worker sends it. Options: timestamp, success, form, and any
# field, which is put in after signing; undef leaves it out.
sub result {
	my ($self, $worker, $task, %opt) = @_;
	my $timestamp = $opt{timestamp} // $self->time_ms;
	my $success = $opt{success} // 1;
	my $form = delete $opt{form} // 'checksum';
	my ($signature, $address) = $self->sign($worker->{key}, $task,
	    $timestamp, $success, $form);
	my %r = (taskId => $task, workerAddress => $address,
	    timestamp => $timestamp,
	    responseTimeMs => 45, statusCode => $success ? 200 : 503,
	    signature => $signature, %opt);

	$r{success} = json_bool($success)
	    if !exists $opt{success} || defined $opt{success};
	delete $r{$_} for grep { !defined $r{$_} } keys %r;
	return \%r;
}

# A second coordinator on the same ledger.
package WorknetTest::Helper;

our @ISA = ('WorknetTest');

sub conf_path { return $_[0]->dir('helper.conf') }
sub socket_path { return $_[0]->dir('helper.sock') }
sub log_path { return $_[0]->dir('helper.log') }

1;
