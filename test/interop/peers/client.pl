# What else a client of Gearman::Client can do. Prints what came of it, a JSON value a line. In the queue of
# "<prefix>-queue" it leaves jobs of all priorities.
use strict;
use warnings;
use Gearman::Client;
use JSON::PP;

my ($port, $prefix) = @ARGV;
my $json = JSON::PP->new->canonical->allow_nonref;
$| = 1;
sub say_it { print $json->encode([@_]), "\n" }

my $server = "127.0.0.1:$port";
my $client = Gearman::Client->new(job_servers => [$server], exceptions => 1);

my $done = $client->do_task("$prefix-upper" => 'hello', { timeout => 10 });
say_it('do_task', $$done);
for my $priority (qw(low normal high)) {
    my $handle = $client->dispatch_background("$prefix-queue" => $priority, { priority => $priority, uniq => "$prefix-$priority" });
    my $status = $client->get_status($handle);
    say_it($priority, map { $_ + 0 } $status->known, $status->running);
}
my @joined = map { $client->dispatch_background("$prefix-queue" => 'joins', { uniq => "$prefix-normal" }) } 1 .. 2;
say_it('unique', $joined[0] eq $joined[1] ? 1 : 0);
# "-" is the workload itself.
my @alike = map { $client->dispatch_background("$prefix-alike" => $_, { uniq => '-' }) } qw(a a b);
say_it('workload', map { $_ eq $alike[0] ? 1 : 0 } @alike);

my $set = $client->new_task_set;
my @results;
for my $word (qw(one two three)) {
    $set->add_task("$prefix-upper" => $word, { on_complete => sub { push @results, ${ $_[0] } } });
}
$set->wait(timeout => 10);
say_it('task set', sort @results);

my $status = $client->get_job_server_status($server);
say_it('server status', $status->{$server}{"$prefix-queue"}{queued} + 0);
my $failed = $client->do_task("$prefix-throw" => '', { on_exception => sub { say_it('exception', $_[0]) }, timeout => 10 });
say_it('failed', defined $failed ? 1 : 0);
