<?php
// PHP's extension gearman, which is libgearman. It takes the arguments of the other drivers, and prints what they do.
// Many requests at once are tasks: `window` of them are added, and run to their end.
$job = $argv[1] ?? 'background';
$options = ['port' => 4730, 'jobs' => 1000, 'warmup' => 0, 'window' => 1000, 'size' => 16, 'function' => 'bench'];
for ($each = 2; $each + 1 < $argc; $each += 2) {
    $options[substr($argv[$each], 2)] = $argv[$each + 1];
}
['port' => $port, 'jobs' => $jobs, 'warmup' => $warmup, 'window' => $window, 'size' => $size, 'function' => $name] = $options;
[$jobs, $warmup, $window] = [(int) $jobs, (int) $warmup, (int) $window];
$workload = str_repeat('x', (int) $size);

function cpu(): float {
    $used = getrusage();
    return $used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec'] + ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) / 1e6;
}

$latencies = [];
if ($job === 'worker') {
    $worker = new GearmanWorker();
    $worker->addServer('127.0.0.1', (int) $port);
    $worker->addFunction($name, fn (GearmanJob $given) => $given->workload());
    $run = function (int $count) use ($worker) {
        for ($each = 0; $each < $count; $each++) {
            $worker->work();
        }
    };
} else {
    $client = new GearmanClient();
    $client->addServer('127.0.0.1', (int) $port);
    if ($job === 'status') {
        $handle = $client->doBackground('waiting', 'x');
        $run = function (int $count) use ($client, $handle) {
            for ($each = 0; $each < $count; $each++) {
                $client->jobStatus($handle);
            }
        };
    } elseif ($window === 1 && $job === 'foreground') {
        $run = function (int $count) use ($client, $name, $workload, &$latencies) {
            $latencies = [];
            for ($each = 0; $each < $count; $each++) {
                $begun = hrtime(true);
                $client->doNormal($name, $workload);
                $latencies[] = round((hrtime(true) - $begun) / 1e3, 1);
            }
        };
    } else {
        $add = $job === 'background' ? 'addTaskBackground' : 'addTask';
        $run = function (int $count) use ($client, $add, $name, $workload, $window) {
            for ($done = 0; $done < $count; $done += $window) {
                $kept = [];
                for ($each = min($window, $count - $done); $each > 0; $each--) {
                    $kept[] = $client->$add($name, $workload);
                }
                $client->runTasks() || exit("runTasks: {$client->error()}\n");
            }
        };
    }
}

if ($warmup) {
    $run($warmup);
}
$began = hrtime(true);
$used = cpu();
$run($jobs);
$result = ['ops' => $jobs, 'seconds' => (hrtime(true) - $began) / 1e9, 'cpu' => cpu() - $used];
echo json_encode($latencies ? $result + ['latencies' => $latencies] : $result), "\n";
