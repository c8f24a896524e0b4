import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client.ts";

export const connect = (url: string) => new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });

/** A client that hides a field from everyone, unless a call says otherwise. */
export const connectOmitting = (url: string) =>
  new PrismaClient({ adapter: new PrismaPg({ connectionString: url }), omit: { user: { password: true } } });
