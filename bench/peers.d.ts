// They come without types, and are there only when bench's own packages are installed.
declare module "abraxas";
declare module "gearman";
declare module "gearman-coffee";
declare module "gearmanode";
declare module "node-gearman";
declare module "mitata";
