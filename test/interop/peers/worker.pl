# A worker of Gearman::Worker: everything that one can tell of a job. Says when it is there, and runs until it is stopped.
use strict;
use warnings;
use Gearman::Worker;

my ($port, $prefix) = @ARGV;
$| = 1;
my $worker = Gearman::Worker->new(job_servers => ["127.0.0.1:$port"], client_id => "perl-$prefix");
$worker->register_function(
    "$prefix-everything" => sub {
        my $job = shift;
        $job->set_status(1, 2);
        $worker->send_work_data($job, 'part');
        $worker->send_work_warning($job, 'careful');
        return uc $job->arg;
    }
);
$worker->register_function("$prefix-failing" => sub { return undef });
$worker->register_function("$prefix-throwing" => sub { die "out of paper\n" });
$worker->register_function("$prefix-timed", 5, sub { return 'in time' });
$worker->register_function("$prefix-unregistered" => sub { 'never' });
$worker->unregister_function("$prefix-unregistered");
print "ready\n";
$worker->work while 1;
