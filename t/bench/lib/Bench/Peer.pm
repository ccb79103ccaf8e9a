# The peer in the coordinator's place, behind the same nginx: t/bench/peer, on
# a ledger of its own that is filled from a coordinator's.
package Bench::Peer;

use strict;
use warnings;

use Bench::Site;
use WorknetTest qw(source_path find_program run_command wait_for child_start
    child_is_running exec_logged slurp);

our @ISA = ('Bench::Site');

sub peer_path { return source_path("t/bench/peer/$_[0]") }
sub peer_ledger_path { return $_[0]->dir('data/peer.db') }

# Its packages are its own, so that the tests needn't compile SQLite; viem is
# the tests'.
sub packages_install {
	return if -e peer_path('node_modules/better-sqlite3/build/Release/' .
	    'better_sqlite3.node');
	die "viem isn't installed: npm ci in t/\n" if
	    !-d source_path('t/node_modules/viem');
	print "installing the peer's packages, once: minutes where SQLite " .
	    "is compiled\n";
	system(find_program('sh'), '-c',
	    'cd "$0" && npm ci --no-audit --no-fund --loglevel=error >&2',
	    peer_path('')) == 0 or die "npm ci in t/bench/peer failed\n";
}

sub peer_sql {
	my ($self, $sql) = @_;
	my ($status, $out, $err) = run_command({ stdin => $sql },
	    find_program('sqlite3'), '-batch', '-bail', '-cmd',
	    '.timeout 60000', $self->peer_ledger_path);

	die "sqlite3: $err" if $status != 0 || $err ne '';
	return $out;
}

# What the coordinator's ledger has given and not yet paid, in the peer's.
sub fill {
	my ($self) = @_;

	$self->peer_sql("PRAGMA journal_mode = WAL;\n" .
	    slurp(peer_path('schema.sql')) .
	    "ATTACH '@{[ $self->ledger_path ]}' AS ours;\n" . <<'EOF');
BEGIN;
INSERT INTO task SELECT k.name, v.url, v.expected_status, v.timeout_ms,
	v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms,
	coalesce(r.name, ''), k.state = 'active'
FROM ours.task k JOIN ours.task_version v ON v.id = k.version
	LEFT JOIN ours.region r ON r.id = v.region;
INSERT INTO worker SELECT address, 0 FROM ours.worker;
INSERT INTO assignment SELECT w.address, a.task_name, a.cycle_ms,
	a.copy, a.assigned_ms
FROM ours.assignment a JOIN ours.worker w ON w.id = a.worker;
COMMIT;
EOF
	return $self;
}

sub start {
	my ($self) = @_;

	packages_install();
	$self->{pid} = child_start('peer', sub {
		exec_logged($self->log_path, find_program('node'),
		    peer_path('server.js'), '--db', $self->peer_ledger_path,
		    '--socket', $self->socket_path,
		    '--window', $self->{conf}{coordinator}{result_window_ms});
	});
	wait_for(sub {
		die $self->log_text if !child_is_running($self->{pid});
		return $self->log_text =~ /serving with/;
	}, 'the peer to serve');
	return $self;
}

# The shipped site, but for what it is in front of.
sub nginx_start {
	my ($self, %opt) = @_;

	return $self->SUPER::nginx_start(%opt, edit => sub {
		$opt{edit}->() if $opt{edit};
		s{^\s*fastcgi_(?!pass)[^;]*;\n}{}mg;
		s{fastcgi_pass worknet;}{proxy_pass http://worknet;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_next_upstream off;} or
		    die 'nginx/worknet.conf: no responder';
	});
}

# Paid results, and the sum of the workers' balances.
sub credited {
	my ($self) = @_;

	return split /\|/, $self->peer_sql('SELECT ' .
	    '(SELECT count(*) FROM result), ' .
	    '(SELECT coalesce(sum(balance_micros), 0) FROM worker);') =~
	    s/\n//r;
}

1;
