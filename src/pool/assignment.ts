/** A handler or hook: a module's export. */
export interface ModuleExport {
  /** The module, absolute. */
  readonly file: string;
  /** The export's name. */
  readonly name: string;
}

/** What a worker of a pool is told to do. */
export interface Assignment {
  readonly group: string;
  readonly worker: number;
}
