<?php
// A worker of the php-gearman extension: everything that one can tell of a job. Says when it is there, and runs until it is stopped.
[, $port, $prefix] = $argv;

$worker = new GearmanWorker();
$worker->setId("php-$prefix");
$worker->addServer('127.0.0.1', (int) $port);
$worker->addFunction("$prefix-everything", function (GearmanJob $job) {
    $job->sendStatus(1, 2);
    $job->sendData('part');
    $job->sendWarning('careful');
    return strtoupper($job->workload());
});
$worker->addFunction("$prefix-about", fn (GearmanJob $job) =>
    json_encode([$job->functionName(), $job->unique(), $job->workloadSize(), $job->handle() !== '']));
$worker->addFunction("$prefix-failing", function (GearmanJob $job) {
    $job->sendFail();
});
$worker->addFunction("$prefix-throwing", function (GearmanJob $job) {
    $job->sendException('out of paper');
});
$worker->addFunction("$prefix-timed", fn (GearmanJob $job) => 'in time', null, 5);
// A mapper: what it sends as data goes to the reducer that the client named.
$worker->addFunction("$prefix-split", function (GearmanJob $job) {
    foreach (explode(' ', $job->workload()) as $word) {
        $job->sendData($word);
    }
});
$worker->addFunction("$prefix-unregistered", fn () => 'never');
$worker->unregister("$prefix-unregistered");
echo $worker->ping('ping') ? "ready\n" : "no echo\n";
while ($worker->work());
