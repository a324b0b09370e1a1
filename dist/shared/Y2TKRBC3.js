import{createRequire as $require}from'node:module';const require=$require(import.meta.url);
import{a}from"./H2CQ2WXV.js";import"./JNKQUAY3.js";export default a();
