# Submits a foreground job through Gearman::Client, and prints what it is told of it, one JSON value a line.
use strict;
use warnings;
use Gearman::Client;
use JSON::PP;

my ($port, $function, $workload) = @ARGV;
my $json = JSON::PP->new->canonical->allow_nonref;
$| = 1;
sub say_it { print $json->encode([@_]), "\n" }

my $client = Gearman::Client->new(job_servers => ["127.0.0.1:$port"], exceptions => 1);
my $set = $client->new_task_set;
$set->add_task(
    $function => $workload,
    {
        on_status    => sub { say_it('status', $_[0] + 0, $_[1] + 0) },
        on_data      => sub { say_it('data', ${ $_[0] }) },
        on_warning   => sub { say_it('warning', ${ $_[0] }) },
        on_complete  => sub { say_it('complete', ${ $_[0] }) },
        on_fail      => sub { say_it('fail') },
        on_exception => sub { say_it('exception', ref $_[0] ? ${ $_[0] } : $_[0]) },
        timeout      => 10,
    }
);
$set->wait(timeout => 10);
