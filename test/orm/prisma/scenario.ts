/* Checked and run by ../prisma.test.ts, once Prisma has generated the client from schema.prisma. */
import type { Client } from "edgear";
import { prismaRecords } from "edgear/orm/prisma";
import { connectOmitting, connect as connectPlain } from "./package/connect.ts";

export const TABLES = [
  'CREATE TABLE "Author" (id serial PRIMARY KEY, name text NOT NULL)',
  `CREATE TABLE "Article" (id serial PRIMARY KEY, title text NOT NULL, body text, views bigint NOT NULL DEFAULT 0,
     cover bytea, made timestamp NOT NULL DEFAULT now(), "by" int REFERENCES "Author")`,
  'CREATE TABLE "User" (email text PRIMARY KEY, name text NOT NULL, password text NOT NULL, team text)',
];

export function connect(url: string, client: Pick<Client, "background">, prefix: string) {
  const plain = connectPlain(url);
  const models = { Article: { omit: ["made"] }, Author: true } as const;
  return { plain, prisma: plain.$extends(prismaRecords({ client, prefix, models })) };
}

type Prisma = ReturnType<typeof connect>["prisma"];

/** What Prisma's types must say of the extended client. */
export async function typed(prisma: Prisma): Promise<string> {
  const article = await prisma.article.create({ data: { title: "typed" } });
  const title: string = article.title;
  // @ts-expect-error a field that there is none of
  article.titel;
  // @ts-expect-error a job's name is a string
  const wrong = () => article.background(5);
  const handle = await article.background("publish", { at: 1n.toString() });
  await prisma.article.$background("reindex");
  return [title, typeof wrong, typeof handle?.handle].join();
}

export async function written(prisma: Prisma): Promise<void> {
  const { id } = await prisma.article.create({
    data: { title: "a", views: 2n ** 60n, cover: new Uint8Array([1, 255]) },
  });
  await prisma.article.update({ where: { id }, data: { title: "b" } });
  await prisma.article.upsert({ where: { id }, create: { title: "c" }, update: { body: "c" } });
  await prisma.article.delete({ where: { id } });
  await prisma.article.createManyAndReturn({ data: [{ title: "d" }, { title: "e" }] });
  await prisma.article.updateManyAndReturn({ where: { title: "e" }, data: { title: "f" } });
}

/** What the caller gets is what it has asked for, whatever the job needs. */
export async function selected(prisma: Prisma): Promise<unknown[]> {
  const one = await prisma.article.create({ data: { title: "a", body: "x" }, select: { title: true } });
  const { id } = await prisma.article.findFirstOrThrow({ where: { title: "a" } });
  const two = await prisma.article.update({
    where: { id },
    data: { title: "b" },
    omit: { made: true, views: true, id: true },
  });
  const three = await prisma.article.update({
    ...{ where: { id }, data: { author: { create: { name: "n" } } } },
    include: { author: true },
  });
  return [Object.keys(one), Object.keys(two).sort(), three.author?.name];
}

/** Updates that set a relation's field, or the records that it leads to. */
export async function related(prisma: Prisma): Promise<void> {
  const { id } = await prisma.article.create({ data: { title: "a" } });
  const author = await prisma.author.create({ data: { name: "n" } });
  await prisma.article.update({ where: { id }, data: { author: { connect: { id: author.id } } } });
  await prisma.author.update({
    where: { id: author.id },
    data: { articles: { updateMany: { where: {}, data: { title: "b" } } } },
  });
}

export async function transactions(prisma: Prisma, between: () => Promise<void>): Promise<void> {
  await prisma.$transaction(async (tx) => {
    const { id } = await tx.article.create({ data: { title: "kept" } });
    await tx.article.update({ where: { id }, data: { title: "kept, too" } });
    await between();
  });
  await prisma.$transaction([
    prisma.article.create({ data: { title: "in a list" } }),
    prisma.article.create({ data: { title: "in a list, too" } }),
  ]);
  await between().catch(() => {});
}

export async function rolledBack(prisma: Prisma): Promise<void> {
  await prisma
    .$transaction(async (tx) => {
      await tx.article.create({ data: { title: "rolled back" } });
      throw new Error("no");
    })
    .catch(() => {});
  await prisma
    .$transaction([
      prisma.article.create({ data: { title: "rolled back" } }),
      prisma.article.delete({ where: { id: -1 } }),
    ])
    .catch(() => {});
}

/** What Prisma gives no records of. */
export async function untold(prisma: Prisma): Promise<void> {
  await prisma.article.createMany({ data: [{ title: "g" }] });
  await prisma.article.updateMany({ data: { title: "h" } });
  await prisma.article.deleteMany();
  await prisma.article.findMany();
  await prisma.article.count();
  await prisma.$executeRaw`INSERT INTO "Article" (title) VALUES ('raw')`;
}

/** An extension after ours: it has a model's method, a query's hook and computed fields. */
export async function extended(prisma: Prisma): Promise<unknown[]> {
  const hooked: string[] = [];
  const further = prisma.$extends({
    model: { article: { draft: () => "a draft" } },
    query: {
      article: {
        create({ args, query }) {
          hooked.push(args.data.title);
          return query(args);
        },
      },
    },
    result: { article: { shout: { needs: { title: true }, compute: ({ title }) => `${title}!` } } },
  });
  const drafts = await further.$transaction(async (tx) => {
    const { shout } = await tx.article.create({ data: { title: "inside" } });
    return [tx.article.draft(), shout];
  });
  const { shout, ...rest } = await further.article.create({ data: { title: "outside" }, select: { shout: true } });
  const without = await further.article.create({ data: { title: "last" }, omit: { title: true, made: true } });
  const seen = [Object.keys(rest), without.shout, "title" in JSON.parse(JSON.stringify({ ...without, views: 0 }))];
  return [hooked, drafts, shout, ...seen];
}

/** Jobs of one's own, in a transaction that is committed and in one that isn't. */
export async function ownInTransactions(prisma: Prisma, between: () => Promise<void>): Promise<unknown[]> {
  let later: Promise<unknown> | undefined;
  let ended = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const given = await prisma.$transaction(async (tx) => {
    const article = await tx.article.create({ data: { title: "kept" } });
    const all = [await article.background("publish", 1), await tx.article.$background("reindex", 2)];
    await between();
    later = end.then(() => prisma.article.create({ data: { title: "after the end" } }));
    return all;
  });
  ended();
  await later;
  await prisma
    .$transaction(async (tx) => {
      await tx.article.$background("reindex", 3);
      throw new Error("no");
    })
    .catch(() => {});
  return given;
}

/** Calls with a `select` and an `omit` of their own, on a client whose own `omit` hides the password. */
export async function hidden(url: string, client: Pick<Client, "background">, prefix: string): Promise<unknown[]> {
  const plain = connectOmitting(url);
  // An extension before ours, which has Prisma read what is hidden.
  const computing = plain.$extends({
    result: { user: { protected: { needs: { password: true }, compute: ({ password }) => password === "secret" } } },
  });
  const prisma = computing.$extends(prismaRecords({ client, prefix, models: { User: { key: "email" } } }));
  const data = { name: "n", password: "secret", team: "t" };
  const given: object[] = [
    await prisma.user.create({ data: { ...data, email: "a" } }),
    await prisma.user.create({ data: { ...data, email: "b" }, omit: { team: true } }),
    await prisma.user.create({ data: { ...data, email: "c" }, select: { name: true } }),
    await prisma.user.create({ data: { ...data, email: "d" }, omit: { password: true, email: true } }),
    await prisma.user.create({ data: { ...data, email: "e" }, omit: { password: false } }),
    await prisma.user.create({ data: { ...data, email: "f" }, select: { password: true } }),
    await prisma.user.create({ data: { ...data, email: "g" }, select: { protected: true } }),
  ];
  await plain.$disconnect();
  return given.map((user) => Object.keys({ ...user }).filter((name) => name !== "background"));
}

/** Mistakes, and what of them was written all the same. */
export async function mistaken(url: string, client: Pick<Client, "background">): Promise<unknown[]> {
  const plain = connectPlain(url);
  const said = (run: () => unknown) =>
    Promise.resolve()
      .then(run)
      .then(String, (error: Error) => error.message);
  const words = [
    await said(() =>
      plain.$extends(prismaRecords({ client })).user.create({ data: { email: "a", name: "", password: "" } }),
    ),
    await said(() => plain.$extends(prismaRecords({ client, models: { Artcle: true } }))),
    await said(() => plain.$extends(prismaRecords({ client, models: { User: { key: "mail" } } }))),
    await said(() => plain.$extends(prismaRecords({ client, models: { User: { omit: ["pasword"] } } }))),
  ];
  const count = await plain.user.count();
  await plain.$disconnect();
  return [...words, count];
}
