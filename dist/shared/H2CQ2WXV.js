import{createRequire as $require}from'node:module';const require=$require(import.meta.url);
import{b as t}from"./JNKQUAY3.js";var o=t((p,e)=>{e.exports=process.getBuiltinModule("node:http")});export{o as a};
