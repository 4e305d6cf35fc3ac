export { type ExtensionOptions, extensionWorld, hostPermissions } from "./worlds/extension.js";
export { type Area, extensionStore } from "./store/chrome_storage.js";
