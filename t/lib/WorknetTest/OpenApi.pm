package WorknetTest::OpenApi;
# JSON held to src/api/openapi.json, as far as that uses JSON Schema.

use strict;
use warnings;

use Exporter qw(import);
use WorknetTest qw(json_text);

our @EXPORT_OK = qw(misfits);

# What of the value isn't as the schema says; $api is the document.
sub misfits {
	my ($api, $s, $v, $at) = @_;

	if (my $ref = $s->{'$ref'}) {
		my $node = $api;
		$node = $node->{$_} for grep { $_ ne '#' } split m{/}, $ref;
		return misfits($api, $node, $v, $at);
	}
	if (my $any = $s->{anyOf}) {
		my @why = map { misfits($api, $_, $v, $at) } @$any;
		return @why < @$any ? () : $why[0];
	}
	if (my $enum = $s->{enum}) {
		return (grep { defined $_ ? defined $v && $_ eq $v :
		    !defined $v } @$enum) ? () : "$at: none of its words";
	}
	my @types = ref $s->{type} ? @{ $s->{type} } : $s->{type};
	my $is = !defined $v ? 'null' : ref $v eq 'HASH' ? 'object' :
	    ref $v eq 'ARRAY' ? 'array' : ref $v ? 'boolean' :
	    json_text([ $v ]) =~ /\A\[-?\d+\]\z/ ? 'integer' : 'string';
	return "$at: is $is" if !grep { $_ eq $is } @types;
	return "$at: $v" if $is eq 'integer' && (defined $s->{minimum} &&
	    $v < $s->{minimum} || defined $s->{maximum} && $v > $s->{maximum});
	return "$at: $v" if $is eq 'string' && defined $s->{pattern} &&
	    $v !~ /$s->{pattern}/;
	return "$at: too long" if $is eq 'array' && defined $s->{maxItems} &&
	    @$v > $s->{maxItems};
	return "$at: too short" if $is eq 'array' && defined $s->{minItems} &&
	    @$v < $s->{minItems};
	if ($is eq 'array') {
		return map { misfits($api, $s->{items}, $v->[$_], "$at\[$_\]") }
		    0 .. $#$v;
	}
	return () if $is ne 'object';
	return ((map { exists $v->{$_} ? () : "$at: no $_" }
	    @{ $s->{required} }),
	    (map { $s->{properties}{$_} ?
	    misfits($api, $s->{properties}{$_}, $v->{$_}, "$at.$_") :
	    "$at: $_ isn't described" } sort keys %$v));
}

1;
