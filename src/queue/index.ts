/*
 * Queues of messages, through job servers: put, get, and loops with acknowledgement. docs/queue.md
 */
export { Message, UnconfirmedError } from "./message.js";
export type {
  AnyMessages,
  GetOptions,
  GivenMessage,
  MessageOf,
  MessagesOptions,
  MessageValidators,
  QueueCloseOptions,
  QueueOptions,
} from "./options.js";
export { type PutOptions, Queue, type QueueEvents } from "./queue.js";
