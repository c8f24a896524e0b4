# Perl's Gearman::Client and Gearman::Worker. It takes the arguments of the other drivers, and prints what they do. Many
# foreground jobs at once are a task set of `window`; background jobs and statuses it asks for one after the other.
use strict;
use warnings;
use JSON::PP;
use Time::HiRes qw(time);

my $job = shift @ARGV;
my %option = (port => 4730, jobs => 1000, warmup => 0, window => 1000, size => 16, function => 'bench');
while (my ($name, $value) = splice @ARGV, 0, 2) {
    $option{ substr $name, 2 } = $value;
}
my ($jobs, $window, $name) = @option{qw(jobs window function)};
my $server = "127.0.0.1:$option{port}";
my $workload = 'x' x $option{size};
my @latencies;
my $serial = 0;

sub cpu { my ($user, $system) = times; $user + $system }

my $run;
if ($job eq 'worker') {
    require Gearman::Worker;
    my $worker = Gearman::Worker->new(job_servers => [$server]);
    $worker->register_function($name => sub { $_[0]->arg });
    $run = sub {
        my ($count) = @_;
        my $done = 0;
        $worker->work(stop_if => sub { $done >= $count }, on_complete => sub { $done++ }) while $done < $count;
    };
}
else {
    require Gearman::Client;
    my $client = Gearman::Client->new(job_servers => [$server]);
    my %one = (
        background => sub { $client->dispatch_background($name => \$workload, {}) or die 'not taken' },
        foreground => sub { $client->do_task($name => \$workload, {}) or die 'failed' },
    );
    if ($job eq 'status') {
        my $handle = $client->dispatch_background(waiting => 'x', {});
        $one{status} = sub { $client->get_status($handle) or die 'no status' };
    }
    my $one = $one{$job} or do { print qq({"cannot":"can't do $job"}\n); exit };
    $run = sub {
        my ($count) = @_;
        @latencies = ();
        if ($job eq 'foreground' && $window > 1) {
            for (my $done = 0; $done < $count; $done += $window) {
                my $set = $client->new_task_set;
                my $batch = $count - $done < $window ? $count - $done : $window;
                $set->add_task($name => \$workload, { on_fail => sub { die 'failed' } }) for 1 .. $batch;
                $set->wait;
            }
            return;
        }
        for (1 .. $count) {
            my $begun = time;
            $one->();
            push @latencies, sprintf('%.1f', (time - $begun) * 1e6) + 0 if $job eq 'foreground';
        }
    };
}

$run->($option{warmup}) if $option{warmup};
my ($began, $used) = (time, cpu());
$run->($jobs);
my %result = (ops => $jobs + 0, seconds => time - $began, cpu => cpu() - $used);
$result{latencies} = \@latencies if @latencies;
print encode_json(\%result), "\n";
