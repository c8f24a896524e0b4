// Jobs in the shapes that PHP's Gearman packages have: `npm run build && node examples/php.ts`. With a server's address
// behind it, it works such jobs off until it is stopped, for clients in PHP.
import { Client, Worker } from "edgear";
import { lithium, MethodRouter, magento, netGearman, sfGearman } from "edgear/php";
import { JobServer } from "edgear/server";

class Hello {
  say(name: string): string {
    return `Hello ${name}`;
  }
}

const [address] = process.argv.slice(2);
const server = address === undefined ? await JobServer.listen({ port: 0 }) : undefined;
const worker = new Worker(address ?? server?.address);
worker.add(
  "hash",
  sfGearman.handler((value) => ({ of: value, length: String(value).length })),
);
worker.add(
  "test",
  magento.handler((task) => ({ ...task, payload: [...String(task.payload)].reverse().join("") })),
);
worker.add(
  "Sum",
  netGearman.handler((numbers) => (numbers as number[]).reduce((sum, each) => sum + each, 0)),
);
worker.add(lithium.function, lithium.handler(new MethodRouter().add("app.tasks.Hello", new Hello(), ["say"])));
const working = worker.run();
console.log("works");

if (server) {
  const client = new Client(server.address);
  console.log(sfGearman.result(await client.run("hash", sfGearman.workload("Hello!"))));
  console.log(magento.result(await client.run("test", magento.workload({ id: 1234, payload: "abc" }))));
  console.log(netGearman.result(await client.run("Sum", netGearman.workload([1, 2, 3]))));
  const hello = lithium.workload("app\\tasks\\Hello::say", ["Ada"], { background: false });
  console.log(lithium.result(await client.run(lithium.function, hello)));
  await client.close();
  await worker.close();
  await working;
  await server.close();
}
