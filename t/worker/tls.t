#!/usr/bin/perl
# worknet-worker over TLS: whom it trusts, and that its own work for that isn't
# taken for the target's time. A real nginx is the target.
use strict;
use warnings;
use File::Basename 'dirname';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use WorkerNet;
BEGIN { WorkerNet::alone() }
use WorkerRig;
use WorkerTest;
use WorknetTest::Process qw(find_program child_start child_end
    child_is_running exec_logged wait_for slurp spurt);

my $bundle = '/etc/ssl/certs/ca-certificates.crt';
my $nginx = find_program('nginx');
plan skip_all => 'this needs openssl, nginx and a bundle of certificates'
    if system('openssl version >/dev/null 2>&1') != 0 || !-s $bundle ||
    system("$nginx -v 2>/dev/null") != 0;
key_make();

# A certificate of our own authority for this name.
sub certificate {
	my ($name) = @_;
	my $common = "-newkey rsa:2048 -nodes -days 2";

	system("cd $dir && { test -e ca.crt || openssl req -x509 $common " .
	    "-subj /CN=test-authority -keyout ca.key -out ca.crt; } " .
	    "2>/dev/null && openssl req $common -subj /CN=$name " .
	    "-keyout $name.key -out $name.csr 2>/dev/null && " .
	    "echo subjectAltName=DNS:$name >$name.ext && openssl x509 -req " .
	    "-in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 " .
	    "-extfile $name.ext -out $name.crt 2>/dev/null") == 0
	    or die "openssl: no certificate\n";
}

# One that says so itself, of an authority that nobody knows.
sub own_certificate {
	my ($name) = @_;

	system("cd $dir && openssl req -x509 -newkey rsa:2048 -nodes -days 2 " .
	    "-subj /CN=localhost -addext subjectAltName=DNS:localhost " .
	    "-keyout $name.key -out $name.crt 2>/dev/null") == 0
	    or die "openssl: no certificate\n";
}

my @sites = (
	[ 4431, 'localhost', 'TLSv1.2 TLSv1.3' ],
	[ 4432, 'another.test', 'TLSv1.2 TLSv1.3' ],
	[ 4433, 'localhost', 'TLSv1.1' ],
	[ 4434, 'unknown', 'TLSv1.2 TLSv1.3' ],
);

sub nginx_start {
	my $servers = join '', map { <<"EOF" } @sites;
	server {
		listen 127.0.0.1:$_->[0] ssl;
		ssl_certificate $dir/$_->[1].crt;
		ssl_certificate_key $dir/$_->[1].key;
		ssl_protocols $_->[2];
		ssl_ciphers ALL:\@SECLEVEL=0;
		location / { return 200 ok; }
	}
EOF
	spurt("$dir/nginx.conf", <<"EOF");
daemon off;
@{[ $> == 0 ? 'user root;' : '' ]}
pid $dir/nginx.pid;
error_log $dir/error.log;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
$servers}
EOF
	my $pid = child_start('nginx', sub {
		exec_logged("$dir/nginx.log", $nginx, '-p', $dir, '-e',
		    "$dir/error.log", '-c', "$dir/nginx.conf");
	});
	wait_for(sub {
		die "nginx ended\n", slurp("$dir/nginx.log")
		    if !child_is_running($pid);
		return -s "$dir/nginx.pid";
	}, 'nginx to serve');
	return $pid;
}

# Runs a round of $n checks of this URL; their outcomes, and the CPU seconds.
sub check {
	my ($url, $n, %more) = @_;
	my $rig = WorkerRig->new($program);
	my @tasks = map { task($url, %more) } 1 .. $n;
	my $c = coordinator($rig, \@tasks);
	my $before = (times)[2];

	my $r = $rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	my $got = all_results($c);
	return ([ map { outcome($got->{$_->{id}}) } @tasks ],
	    (times)[2] - $before, $r->{err});
}

sub test_trust {
	my ($got) = check('https://localhost:4431/', 1);
	is "@$got", '200', 'a certificate of an authority it knows is taken';
	($got) = check('https://localhost:4432/', 1);
	like "@$got", qr/^tls: .*subject name/,
	    'but not for a host of another name';
	($got) = check('https://localhost:4434/', 1);
	like "@$got", qr/^tls: .*self.signed/,
	    'nor one of an authority that it doesn\'t know';
	# OpenSSL would refuse TLS 1.1 by itself, unless it's told not to.
	local $ENV{OPENSSL_CONF} = write_file("$dir/openssl.cnf",
	    "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n" .
	    "[c]\nMinProtocol = TLSv1\nCipherString = ALL:\@SECLEVEL=0\n");
	($got) = check('https://localhost:4433/', 1);
	like "@$got", qr/^tls: .*protocol/, 'TLS 1.1 is not spoken';
	is system("openssl s_client -tls1_1 -connect 127.0.0.1:4433 " .
	    "-cipher ALL:\@SECLEVEL=0 </dev/null >/dev/null 2>&1"), 0,
	    'with whom somebody else would speak it';
}

sub test_cost {
	my ($one, $cost) = check('https://localhost:4431/', 1);
	my ($many, $costs) = check('https://localhost:4431/', 50);
	is_deeply $many, [ (200) x 50 ], 'fifty checks are good';
	cmp_ok $costs, '<', 5 * $cost,
	    'and cost less than five: certificates are read once';
	diag "one check takes $cost s of CPU time, fifty $costs s";
	# A busy machine may spoil one round, what they cost spoils all three.
	my ($good, $try, $quick) = (0, 0);
	while ($good < 10 && $try++ < 3) {
		($quick) = check('https://localhost:4431/', 10,
		    timeoutMs => 500);
		$good = grep { $_ eq '200' } @$quick;
	}
	is $good, 10, 'ten checks with half a second each are good';
}

certificate('localhost');
certificate('another.test');
own_certificate('unknown');
# Thirty times as long as any: what it costs to read is seen from afar.
WorkerNet::file($bundle, contents($bundle) x 30 . contents("$dir/ca.crt"));
my $server = nginx_start();
test_trust();
test_cost();
child_end($server, 'TERM');
done_testing();
