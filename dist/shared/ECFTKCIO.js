import{createRequire as $require}from'node:module';const require=$require(import.meta.url);
import{a,b,c,d,e,f,g}from"./DOMRWQZU.js";import"./FAO66OJ2.js";import"./J5HIMPFP.js";import"./V6EUP337.js";import"./JNKQUAY3.js";export{f as ENV_ACCOUNT_ID,e as ENV_CREDENTIAL_SCOPE,d as ENV_EXPIRATION,a as ENV_KEY,b as ENV_SECRET,c as ENV_SESSION,g as fromEnv};
