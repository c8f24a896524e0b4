import { door } from "./door.js";
import { handlers } from "./handlers.js";

export default door(handlers);
