"use strict";var Ls=Object.create;var oe=Object.defineProperty;var Os=Object.getOwnPropertyDescriptor;var Cs=Object.getOwnPropertyNames;var Ds=Object.getPrototypeOf,ks=Object.prototype.hasOwnProperty;var xs=(t,e,n)=>()=>{if(n)throw n[0];try{return t&&(e=t(t=0)),e}catch(r){throw n=[r],r}};var E=(t,e)=>()=>{try{return e||t((e={exports:{}}).exports,e),e.exports}catch(n){throw e=0,n}},Ot=(t,e)=>{for(var n in e)oe(t,n,{get:e[n],enumerable:!0})},Ct=(t,e,n,r)=>{if(e&&typeof e=="object"||typeof e=="function")for(let s of Cs(e))!ks.call(t,s)&&s!==n&&oe(t,s,{get:()=>e[s],enumerable:!(r=Os(e,s))||r.enumerable});return t};var vs=(t,e,n)=>(n=t!=null?Ls(Ds(t)):{},Ct(e||!t||!t.__esModule?oe(n,"default",{value:t,enumerable:!0}):n,t)),Ms=t=>Ct(oe({},"__esModule",{value:!0}),t);var Fe=E(Mn=>{"use strict";Mn.parse=function(t,e){return new Me(t,e).parse()};var Me=class t{constructor(e,n){this.source=e,this.transform=n||qo,this.position=0,this.entries=[],this.recorded=[],this.dimension=0}isEof(){return this.position>=this.source.length}nextCharacter(){var e=this.source[this.position++];return e==="\\"?{value:this.source[this.position++],escaped:!0}:{value:e,escaped:!1}}record(e){this.recorded.push(e)}newEntry(e){var n;(this.recorded.length>0||e)&&(n=this.recorded.join(""),n==="NULL"&&!e&&(n=null),n!==null&&(n=this.transform(n)),this.entries.push(n),this.recorded=[])}consumeDimensions(){if(this.source[0]==="[")for(;!this.isEof();){var e=this.nextCharacter();if(e.value==="=")break}}parse(e){var n,r,s;for(this.consumeDimensions();!this.isEof();)if(n=this.nextCharacter(),n.value==="{"&&!s)this.dimension++,this.dimension>1&&(r=new t(this.source.substr(this.position-1),this.transform),this.entries.push(r.parse(!0)),this.position+=r.position-2);else if(n.value==="}"&&!s){if(this.dimension--,!this.dimension&&(this.newEntry(),e))return this.entries}else n.value==='"'&&!n.escaped?(s&&this.newEntry(!0),s=!s):n.value===","&&!s?this.newEntry():this.record(n.value);if(this.dimension!==0)throw new Error("array dimension not balanced");return this.entries}};function qo(t){return t}});var Ue=E((Hu,Fn)=>{var jo=Fe();Fn.exports={create:function(t,e){return{parse:function(){return jo.parse(t,e)}}}}});var Hn=E(($u,Pn)=>{"use strict";var Go=/(\d{1,})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})(\.\d{1,})?.*?( BC)?$/,Yo=/^(\d{1,})-(\d{2})-(\d{2})( BC)?$/,Qo=/([Z+-])(\d{2})?:?(\d{2})?:?(\d{2})?/,Xo=/^-?infinity$/;Pn.exports=function(e){if(Xo.test(e))return Number(e.replace("i","I"));var n=Go.exec(e);if(!n)return Vo(e)||null;var r=!!n[8],s=parseInt(n[1],10);r&&(s=Un(s));var o=parseInt(n[2],10)-1,a=n[3],i=parseInt(n[4],10),l=parseInt(n[5],10),c=parseInt(n[6],10),u=n[7];u=u?1e3*parseFloat(u):0;var d,m=Ko(e);return m!=null?(d=new Date(Date.UTC(s,o,a,i,l,c,u)),Pe(s)&&d.setUTCFullYear(s),m!==0&&d.setTime(d.getTime()-m)):(d=new Date(s,o,a,i,l,c,u),Pe(s)&&d.setFullYear(s)),d};function Vo(t){var e=Yo.exec(t);if(e){var n=parseInt(e[1],10),r=!!e[4];r&&(n=Un(n));var s=parseInt(e[2],10)-1,o=e[3],a=new Date(n,s,o);return Pe(n)&&a.setFullYear(n),a}}function Ko(t){if(t.endsWith("+00"))return 0;var e=Qo.exec(t.split(" ")[1]);if(e){var n=e[1];if(n==="Z")return 0;var r=n==="-"?-1:1,s=parseInt(e[2],10)*3600+parseInt(e[3]||0,10)*60+parseInt(e[4]||0,10);return s*r*1e3}}function Un(t){return-(t-1)}function Pe(t){return t>=0&&t<100}});var Bn=E((Bu,$n)=>{$n.exports=zo;var Jo=Object.prototype.hasOwnProperty;function zo(t){for(var e=1;e<arguments.length;e++){var n=arguments[e];for(var r in n)Jo.call(n,r)&&(t[r]=n[r])}return t}});var jn=E((Wu,qn)=>{"use strict";var Zo=Bn();qn.exports=$;function $(t){if(!(this instanceof $))return new $(t);Zo(this,da(t))}var ea=["seconds","minutes","hours","days","months","years"];$.prototype.toPostgres=function(){var t=ea.filter(this.hasOwnProperty,this);return this.milliseconds&&t.indexOf("seconds")<0&&t.push("seconds"),t.length===0?"0":t.map(function(e){var n=this[e]||0;return e==="seconds"&&this.milliseconds&&(n=(n+this.milliseconds/1e3).toFixed(6).replace(/\.?0+$/,"")),n+" "+e},this).join(" ")};var ta={years:"Y",months:"M",days:"D",hours:"H",minutes:"M",seconds:"S"},na=["years","months","days"],ra=["hours","minutes","seconds"];$.prototype.toISOString=$.prototype.toISO=function(){var t=na.map(n,this).join(""),e=ra.map(n,this).join("");return"P"+t+"T"+e;function n(r){var s=this[r]||0;return r==="seconds"&&this.milliseconds&&(s=(s+this.milliseconds/1e3).toFixed(6).replace(/0+$/,"")),s+ta[r]}};var He="([+-]?\\d+)",sa=He+"\\s+years?",oa=He+"\\s+mons?",aa=He+"\\s+days?",ia="([+-])?([\\d]*):(\\d\\d):(\\d\\d)\\.?(\\d{1,6})?",la=new RegExp([sa,oa,aa,ia].map(function(t){return"("+t+")?"}).join("\\s*")),Wn={years:2,months:4,days:6,hours:9,minutes:10,seconds:11,milliseconds:12},ca=["hours","minutes","seconds","milliseconds"];function ua(t){var e=t+"000000".slice(t.length);return parseInt(e,10)/1e3}function da(t){if(!t)return{};var e=la.exec(t),n=e[8]==="-";return Object.keys(Wn).reduce(function(r,s){var o=Wn[s],a=e[o];return!a||(a=s==="milliseconds"?ua(a):parseInt(a,10),!a)||(n&&~ca.indexOf(s)&&(a*=-1),r[s]=a),r},{})}});var Qn=E((qu,Yn)=>{"use strict";var Gn=Buffer.from||Buffer;Yn.exports=function(e){if(/^\\x/.test(e))return Gn(e.substr(2),"hex");for(var n="",r=0;r<e.length;)if(e[r]!=="\\")n+=e[r],++r;else if(/[0-7]{3}/.test(e.substr(r+1,3)))n+=String.fromCharCode(parseInt(e.substr(r+1,3),8)),r+=4;else{for(var s=1;r+s<e.length&&e[r+s]==="\\";)s++;for(var o=0;o<Math.floor(s/2);++o)n+="\\";r+=Math.floor(s/2)*2}return Gn(n,"binary")}});var er=E((ju,Zn)=>{var V=Fe(),K=Ue(),ue=Hn(),Vn=jn(),Kn=Qn();function de(t){return function(n){return n===null?n:t(n)}}function Jn(t){return t===null?t:t==="TRUE"||t==="t"||t==="true"||t==="y"||t==="yes"||t==="on"||t==="1"}function fa(t){return t?V.parse(t,Jn):null}function Ea(t){return parseInt(t,10)}function $e(t){return t?V.parse(t,de(Ea)):null}function ma(t){return t?V.parse(t,de(function(e){return zn(e).trim()})):null}var pa=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=je(n)),n});return e.parse()},Be=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=parseFloat(n)),n});return e.parse()},O=function(t){if(!t)return null;var e=K.create(t);return e.parse()},We=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=ue(n)),n});return e.parse()},ha=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=Vn(n)),n});return e.parse()},ga=function(t){return t?V.parse(t,de(Kn)):null},qe=function(t){return parseInt(t,10)},zn=function(t){var e=String(t);return/^\d+$/.test(e)?e:t},Xn=function(t){return t?V.parse(t,de(JSON.parse)):null},je=function(t){return t[0]!=="("?null:(t=t.substring(1,t.length-1).split(","),{x:parseFloat(t[0]),y:parseFloat(t[1])})},_a=function(t){if(t[0]!=="<"&&t[1]!=="(")return null;for(var e="(",n="",r=!1,s=2;s<t.length-1;s++){if(r||(e+=t[s]),t[s]===")"){r=!0;continue}else if(!r)continue;t[s]!==","&&(n+=t[s])}var o=je(e);return o.radius=parseFloat(n),o},Sa=function(t){t(20,zn),t(21,qe),t(23,qe),t(26,qe),t(700,parseFloat),t(701,parseFloat),t(16,Jn),t(1082,ue),t(1114,ue),t(1184,ue),t(600,je),t(651,O),t(718,_a),t(1e3,fa),t(1001,ga),t(1005,$e),t(1007,$e),t(1028,$e),t(1016,ma),t(1017,pa),t(1021,Be),t(1022,Be),t(1231,Be),t(1014,O),t(1015,O),t(1008,O),t(1009,O),t(1040,O),t(1041,O),t(1115,We),t(1182,We),t(1185,We),t(1186,Vn),t(1187,ha),t(17,Kn),t(114,JSON.parse.bind(JSON)),t(3802,JSON.parse.bind(JSON)),t(199,Xn),t(3807,Xn),t(3907,O),t(2951,O),t(791,O),t(1183,O),t(1270,O)};Zn.exports={init:Sa}});var nr=E((Gu,tr)=>{"use strict";var b=1e6;function Na(t){var e=t.readInt32BE(0),n=t.readUInt32BE(4),r="";e<0&&(e=~e+(n===0),n=~n+1>>>0,r="-");var s="",o,a,i,l,c,u;{if(o=e%b,e=e/b>>>0,a=4294967296*o+n,n=a/b>>>0,i=""+(a-b*n),n===0&&e===0)return r+i+s;for(l="",c=6-i.length,u=0;u<c;u++)l+="0";s=l+i+s}{if(o=e%b,e=e/b>>>0,a=4294967296*o+n,n=a/b>>>0,i=""+(a-b*n),n===0&&e===0)return r+i+s;for(l="",c=6-i.length,u=0;u<c;u++)l+="0";s=l+i+s}{if(o=e%b,e=e/b>>>0,a=4294967296*o+n,n=a/b>>>0,i=""+(a-b*n),n===0&&e===0)return r+i+s;for(l="",c=6-i.length,u=0;u<c;u++)l+="0";s=l+i+s}return o=e%b,a=4294967296*o+n,i=""+a%b,r+i+s}tr.exports=Na});var ir=E((Yu,ar)=>{var ya=nr(),h=function(t,e,n,r,s){n=n||0,r=r||!1,s=s||function(N,C,R){return N*Math.pow(2,R)+C};var o=n>>3,a=function(N){return r?~N&255:N},i=255,l=8-n%8;e<l&&(i=255<<8-e&255,l=e),n&&(i=i>>n%8);var c=0;n%8+e>=8&&(c=s(0,a(t[o])&i,l));for(var u=e+n>>3,d=o+1;d<u;d++)c=s(c,a(t[d]),8);var m=(e+n)%8;return m>0&&(c=s(c,a(t[u])>>8-m,m)),c},or=function(t,e,n){var r=Math.pow(2,n-1)-1,s=h(t,1),o=h(t,n,1);if(o===0)return 0;var a=1,i=function(c,u,d){c===0&&(c=1);for(var m=1;m<=d;m++)a/=2,(u&1<<d-m)>0&&(c+=a);return c},l=h(t,e,n+1,!1,i);return o==Math.pow(2,n+1)-1?l===0?s===0?1/0:-1/0:NaN:(s===0?1:-1)*Math.pow(2,o-r)*l},Ta=function(t){return h(t,1)==1?-1*(h(t,15,1,!0)+1):h(t,15,1)},rr=function(t){return h(t,1)==1?-1*(h(t,31,1,!0)+1):h(t,31,1)},Ra=function(t){return or(t,23,8)},ba=function(t){return or(t,52,11)},Aa=function(t){var e=h(t,16,32);if(e==49152)return NaN;for(var n=Math.pow(1e4,h(t,16,16)),r=0,s=[],o=h(t,16),a=0;a<o;a++)r+=h(t,16,64+16*a)*n,n/=1e4;var i=Math.pow(10,h(t,16,48));return(e===0?1:-1)*Math.round(r*i)/i},sr=function(t,e){var n=h(e,1),r=h(e,63,1),s=new Date((n===0?1:-1)*r/1e3+9466848e5);return t||s.setTime(s.getTime()+s.getTimezoneOffset()*6e4),s.usec=r%1e3,s.getMicroSeconds=function(){return this.usec},s.setMicroSeconds=function(o){this.usec=o},s.getUTCMicroSeconds=function(){return this.usec},s},J=function(t){for(var e=h(t,32),n=h(t,32,32),r=h(t,32,64),s=96,o=[],a=0;a<e;a++)o[a]=h(t,32,s),s+=32,s+=32;var i=function(c){var u=h(t,32,s);if(s+=32,u==4294967295)return null;var d;if(c==23||c==20)return d=h(t,u*8,s),s+=u*8,d;if(c==25)return d=t.toString(this.encoding,s>>3,(s+=u<<3)>>3),d;console.log("ERROR: ElementType not implemented: "+c)},l=function(c,u){var d=[],m;if(c.length>1){var N=c.shift();for(m=0;m<N;m++)d[m]=l(c,u);c.unshift(N)}else for(m=0;m<c[0];m++)d[m]=i(u);return d};return l(o,r)},wa=function(t){return t.toString("utf8")},Ia=function(t){return t===null?null:h(t,8)>0},La=function(t){t(20,ya),t(21,Ta),t(23,rr),t(26,rr),t(1700,Aa),t(700,Ra),t(701,ba),t(16,Ia),t(1114,sr.bind(null,!1)),t(1184,sr.bind(null,!0)),t(1e3,J),t(1007,J),t(1016,J),t(1008,J),t(1009,J),t(25,wa)};ar.exports={init:La}});var cr=E((Qu,lr)=>{lr.exports={BOOL:16,BYTEA:17,CHAR:18,INT8:20,INT2:21,INT4:23,REGPROC:24,TEXT:25,OID:26,TID:27,XID:28,CID:29,JSON:114,XML:142,PG_NODE_TREE:194,SMGR:210,PATH:602,POLYGON:604,CIDR:650,FLOAT4:700,FLOAT8:701,ABSTIME:702,RELTIME:703,TINTERVAL:704,CIRCLE:718,MACADDR8:774,MONEY:790,MACADDR:829,INET:869,ACLITEM:1033,BPCHAR:1042,VARCHAR:1043,DATE:1082,TIME:1083,TIMESTAMP:1114,TIMESTAMPTZ:1184,INTERVAL:1186,TIMETZ:1266,BIT:1560,VARBIT:1562,NUMERIC:1700,REFCURSOR:1790,REGPROCEDURE:2202,REGOPER:2203,REGOPERATOR:2204,REGCLASS:2205,REGTYPE:2206,UUID:2950,TXID_SNAPSHOT:2970,PG_LSN:3220,PG_NDISTINCT:3361,PG_DEPENDENCIES:3402,TSVECTOR:3614,TSQUERY:3615,GTSVECTOR:3642,REGCONFIG:3734,REGDICTIONARY:3769,JSONB:3802,REGNAMESPACE:4089,REGROLE:4096}});var ee=E(Z=>{var Oa=er(),Ca=ir(),Da=Ue(),ka=cr();Z.getTypeParser=xa;Z.setTypeParser=va;Z.arrayParser=Da;Z.builtins=ka;var z={text:{},binary:{}};function ur(t){return String(t)}function xa(t,e){return e=e||"text",z[e]&&z[e][t]||ur}function va(t,e,n){typeof e=="function"&&(n=e,e="text"),z[e][t]=n}Oa.init(function(t,e){z.text[t]=e});Ca.init(function(t,e){z.binary[t]=e})});var te=E((Vu,Ge)=>{"use strict";var dr;try{dr=process.platform==="win32"?process.env.USERNAME:process.env.USER}catch{}Ge.exports={host:"localhost",user:dr,database:void 0,password:null,connectionString:void 0,port:5432,rows:0,binary:!1,max:10,idleTimeoutMillis:3e4,client_encoding:"",ssl:!1,sslnegotiation:void 0,application_name:void 0,fallback_application_name:void 0,options:void 0,parseInputDatesAsUTC:!1,statement_timeout:!1,lock_timeout:!1,idle_in_transaction_session_timeout:!1,query_timeout:!1,connect_timeout:0,keepalives:1,keepalives_idle:0};var B=ee(),Ma=B.getTypeParser(20,"text"),Fa=B.getTypeParser(1016,"text");Ge.exports.__defineSetter__("parseInt8",function(t){B.setTypeParser(20,"text",t?B.getTypeParser(23,"text"):Ma),B.setTypeParser(1016,"text",t?B.getTypeParser(1007,"text"):Fa)})});var ne=E((Ku,Er)=>{"use strict";var Ua=te(),Pa=require("util"),{isDate:Ha}=require("util/types"),$a=Pa.deprecate(()=>{},"Sending an invalid date to Postgres is deprecated and will throw an error in the next major version of pg. Ensure any Date object passed as a query parameter is valid.","PG_INVALID_DATE");function Ba(t){return'"'+t.replace(/\\/g,"\\\\").replace(/"/g,'\\"')+'"'}function fr(t){let e="{";for(let n=0;n<t.length;n++){n>0&&(e+=",");let r=t[n];r==null?e+="NULL":Array.isArray(r)?e+=fr(r):ArrayBuffer.isView(r)?(r instanceof Buffer||(r=Buffer.from(r.buffer,r.byteOffset,r.byteLength)),e+="\\\\x"+r.toString("hex")):e+=Ba(fe(r))}return e+="}",e}var fe=function(t,e){return t==null?null:typeof t=="object"?t instanceof Buffer?t:ArrayBuffer.isView(t)?Buffer.from(t.buffer,t.byteOffset,t.byteLength):Ha(t)?(isNaN(t.getTime())&&$a(),Ua.parseInputDatesAsUTC?ja(t):qa(t)):Array.isArray(t)?fr(t):Wa(t,e):t.toString()};function Wa(t,e){if(t&&typeof t.toPostgres=="function"){if(e=e||[],e.indexOf(t)!==-1)throw new Error('circular reference detected while preparing "'+t+'" for query');return e.push(t),fe(t.toPostgres(fe),e)}return JSON.stringify(t)}function qa(t){let e=-t.getTimezoneOffset(),n=t.getFullYear(),r=n<1;r&&(n=Math.abs(n)+1);let s=String(n).padStart(4,"0")+"-"+String(t.getMonth()+1).padStart(2,"0")+"-"+String(t.getDate()).padStart(2,"0")+"T"+String(t.getHours()).padStart(2,"0")+":"+String(t.getMinutes()).padStart(2,"0")+":"+String(t.getSeconds()).padStart(2,"0")+"."+String(t.getMilliseconds()).padStart(3,"0");return e<0?(s+="-",e*=-1):s+="+",s+=String(Math.floor(e/60)).padStart(2,"0")+":"+String(e%60).padStart(2,"0"),r&&(s+=" BC"),s}function ja(t){let e=t.getUTCFullYear(),n=e<1;n&&(e=Math.abs(e)+1);let r=String(e).padStart(4,"0")+"-"+String(t.getUTCMonth()+1).padStart(2,"0")+"-"+String(t.getUTCDate()).padStart(2,"0")+"T"+String(t.getUTCHours()).padStart(2,"0")+":"+String(t.getUTCMinutes()).padStart(2,"0")+":"+String(t.getUTCSeconds()).padStart(2,"0")+"."+String(t.getUTCMilliseconds()).padStart(3,"0");return r+="+00:00",n&&(r+=" BC"),r}function Ga(t,e,n){return t=typeof t=="string"?{text:t}:Ya(t),e&&(typeof e=="function"?t.callback=e:t.values=e),n&&(t.callback=n),t}function Ya(t){return t==null?t:Object.defineProperties(Object.create(Object.getPrototypeOf(t)),Object.getOwnPropertyDescriptors(t))}var Qa=function(t){return'"'+t.replace(/"/g,'""')+'"'},Xa=function(t){let e=!1,n="'";if(t==null||typeof t!="string")return"''";for(let r=0;r<t.length;r++){let s=t[r];s==="'"?n+=s+s:s==="\\"?(n+=s+s,e=!0):n+=s}return n+="'",e===!0&&(n=" E"+n),n};Er.exports={prepareValue:function(e){return fe(e)},normalizeQueryConfig:Ga,escapeIdentifier:Qa,escapeLiteral:Xa}});var Xe=E((Ju,hr)=>{var mr=require("crypto");hr.exports={postgresMd5PasswordHash:Ka,randomBytes:Va,deriveKey:ei,sha256:Ja,hashByName:za,hmacSha256:Za,md5:Ye};var pr=mr.webcrypto||globalThis.crypto,U=pr.subtle,Qe=new TextEncoder;function Va(t){return pr.getRandomValues(Buffer.alloc(t))}async function Ye(t){try{return mr.createHash("md5").update(t,"utf-8").digest("hex")}catch{let n=typeof t=="string"?Qe.encode(t):t,r=await U.digest("MD5",n);return Array.from(new Uint8Array(r)).map(s=>s.toString(16).padStart(2,"0")).join("")}}async function Ka(t,e,n){let r=await Ye(e+t);return"md5"+await Ye(Buffer.concat([Buffer.from(r),n]))}async function Ja(t){return await U.digest("SHA-256",t)}async function za(t,e){return await U.digest(t,e)}async function Za(t,e){let n=await U.importKey("raw",t,{name:"HMAC",hash:"SHA-256"},!1,["sign"]);return await U.sign("HMAC",n,Qe.encode(e))}async function ei(t,e,n){let r=await U.importKey("raw",Qe.encode(t),"PBKDF2",!1,["deriveBits"]),s={name:"PBKDF2",hash:"SHA-256",salt:e,iterations:n};return await U.deriveBits(s,r,256,["deriveBits"])}});var _r=E((zu,gr)=>{gr.exports=class{}});var Tr=E((ed,yr)=>{"use strict";var v=Xe(),{signatureAlgorithmHashFromCertificate:ti}=_r();function ni(t){let e=/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g,n=/[\u00AD\u034F\u1806\u180B\u180C\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/g;return t.replace(e," ").replace(n,"").normalize("NFKC")}var Ve=1e5;function ri(t,e,n=Ve){let r=["SCRAM-SHA-256"];e&&r.unshift("SCRAM-SHA-256-PLUS");let s=r.find(i=>t.includes(i));if(!s)throw new Error("SASL: Only mechanism(s) "+r.join(" and ")+" are supported");if(s==="SCRAM-SHA-256-PLUS"&&typeof e.getPeerCertificate!="function")throw new Error("SASL: Mechanism SCRAM-SHA-256-PLUS requires a certificate");let o=v.randomBytes(18).toString("base64");return{mechanism:s,clientNonce:o,response:(s==="SCRAM-SHA-256-PLUS"?"p=tls-server-end-point":e?"y":"n")+",,n=*,r="+o,message:"SASLInitialResponse",scramMaxIterations:n}}async function si(t,e,n,r){if(t.message!=="SASLInitialResponse")throw new Error("SASL: Last message was not SASLInitialResponse");if(typeof e!="string")throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string");if(e==="")throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string");if(typeof n!="string")throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: serverData must be a string");let s=ii(n);if(s.nonce.startsWith(t.clientNonce)){if(s.nonce.length===t.clientNonce.length)throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: server nonce is too short")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: server nonce does not start with client nonce");let o=typeof t.scramMaxIterations=="number"?t.scramMaxIterations:Ve;if(o!==0&&s.iteration>o)throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count "+s.iteration+" exceeds scramMaxIterations of "+o);let a="n=*,r="+t.clientNonce,i="r="+s.nonce+",s="+s.salt+",i="+s.iteration,l=r?"eSws":"biws";if(t.mechanism==="SCRAM-SHA-256-PLUS"){let Lt=r.getPeerCertificate().raw,se=ti(Lt);(se==="MD5"||se==="SHA-1")&&(se="SHA-256");let Is=await v.hashByName(se,Lt);l=Buffer.concat([Buffer.from("p=tls-server-end-point,,"),Buffer.from(Is)]).toString("base64")}let c="c="+l+",r="+s.nonce,u=a+","+i+","+c,d=Buffer.from(s.salt,"base64"),m=await v.deriveKey(ni(e),d,s.iteration),N=await v.hmacSha256(m,"Client Key"),C=await v.sha256(N),R=await v.hmacSha256(C,u),j=ci(Buffer.from(N),Buffer.from(R)).toString("base64"),As=await v.hmacSha256(m,"Server Key"),ws=await v.hmacSha256(As,u);t.message="SASLResponse",t.serverSignature=Buffer.from(ws).toString("base64"),t.response=c+",p="+j}function oi(t,e){if(t.message!=="SASLResponse")throw new Error("SASL: Last message was not SASLResponse");if(typeof e!="string")throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: serverData must be a string");let{serverSignature:n}=li(e);if(n!==t.serverSignature)throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match")}function ai(t){if(typeof t!="string")throw new TypeError("SASL: text must be a string");return t.split("").map((e,n)=>t.charCodeAt(n)).every(e=>e>=33&&e<=43||e>=45&&e<=126)}function Sr(t){return/^(?:[a-zA-Z0-9+/]{4})*(?:[a-zA-Z0-9+/]{2}==|[a-zA-Z0-9+/]{3}=)?$/.test(t)}function Nr(t){if(typeof t!="string")throw new TypeError("SASL: attribute pairs text must be a string");return new Map(t.split(",").map(e=>{if(!/^.=/.test(e))throw new Error("SASL: Invalid attribute pair entry");let n=e[0],r=e.substring(2);return[n,r]}))}function ii(t){let e=Nr(t),n=e.get("r");if(n){if(!ai(n))throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: nonce must only contain printable characters")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: nonce missing");let r=e.get("s");if(r){if(!Sr(r))throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: salt must be base64")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: salt missing");let s=e.get("i");if(s){if(!/^[1-9][0-9]*$/.test(s))throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: invalid iteration count")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration missing");let o=parseInt(s,10);return{nonce:n,salt:r,iteration:o}}function li(t){let e=Nr(t),n=e.get("e"),r=e.get("v");if(n)throw new Error(`SASL: SCRAM-SERVER-FINAL-MESSAGE: server returned error: "${n}"`);if(r){if(!Sr(r))throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature must be base64")}else throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature is missing");return{serverSignature:r}}function ci(t,e){if(!Buffer.isBuffer(t))throw new TypeError("first argument must be a Buffer");if(!Buffer.isBuffer(e))throw new TypeError("second argument must be a Buffer");if(t.length!==e.length)throw new Error("Buffer lengths must match");if(t.length===0)throw new Error("Buffers cannot be empty");return Buffer.from(t.map((n,r)=>t[r]^e[r]))}yr.exports={startSession:ri,continueSession:si,finalizeSession:oi,DEFAULT_MAX_SCRAM_ITERATIONS:Ve}});var Ke=E((td,Rr)=>{"use strict";var ui=ee();function Ee(t){this._types=t||ui,this.text={},this.binary={}}Ee.prototype.getOverrides=function(t){switch(t){case"text":return this.text;case"binary":return this.binary;default:return{}}};Ee.prototype.setTypeParser=function(t,e,n){typeof e=="function"&&(n=e,e="text"),this.getOverrides(e)[t]=n};Ee.prototype.getTypeParser=function(t,e){return e=e||"text",this.getOverrides(e)[t]||this._types.getTypeParser(t,e)};Rr.exports=Ee});var wr=E((nd,Ar)=>{"use strict";function W(t,e={}){if(t.charAt(0)==="/"){let l=t.split(" ");return{host:l[0],database:l[1]}}let n=Object.create(null),r,s=!1;/ |%[^a-f0-9]|%[a-f0-9][^a-f0-9]/i.test(t)&&(t=encodeURI(t).replace(/%25(\d\d)/g,"%$1"));try{try{r=new URL(t,"postgres://base")}catch{r=new URL(t.replace("@/","@___DUMMY___/"),"postgres://base"),s=!0}}catch(l){throw l.input&&(l.input="*****REDACTED*****"),l}for(let l of r.searchParams.entries())n[l[0]]=l[1];if(n.user=n.user||decodeURIComponent(r.username),n.password=n.password||decodeURIComponent(r.password),r.protocol=="socket:")return n.host=decodeURI(r.pathname),n.database=r.searchParams.get("db"),n.client_encoding=r.searchParams.get("encoding"),n;let o=(s?"":r.hostname).replace(/^\[(.+)\]$/,"$1");n.host?o&&/^%2f/i.test(o)&&(r.pathname=o+r.pathname):n.host=decodeURIComponent(o),n.port||(n.port=r.port);let a=r.pathname.slice(1)||null;n.database=a?decodeURI(a):null,(n.ssl==="true"||n.ssl==="1")&&(n.ssl=!0),n.ssl==="0"&&(n.ssl=!1),(n.sslcert||n.sslkey||n.sslrootcert||n.sslmode)&&(n.ssl={}),n.sslnegotiation==="direct"&&n.ssl===void 0&&(n.ssl=!0);let i=n.sslcert||n.sslkey||n.sslrootcert?require("fs"):null;if(n.sslcert&&(n.ssl.cert=i.readFileSync(n.sslcert).toString()),n.sslkey&&(n.ssl.key=i.readFileSync(n.sslkey).toString()),n.sslrootcert&&(n.ssl.ca=i.readFileSync(n.sslrootcert).toString()),e.useLibpqCompat&&n.uselibpqcompat)throw new Error("Both useLibpqCompat and uselibpqcompat are set. Please use only one of them.");if(n.uselibpqcompat==="true"||e.useLibpqCompat)switch(n.sslmode){case"disable":{n.ssl=!1;break}case"prefer":{n.ssl.rejectUnauthorized=!1;break}case"require":{n.sslrootcert?n.ssl.checkServerIdentity=function(){}:n.ssl.rejectUnauthorized=!1;break}case"verify-ca":{if(!n.ssl.ca)throw new Error("SECURITY WARNING: Using sslmode=verify-ca requires specifying a CA with sslrootcert. If a public CA is used, verify-ca allows connections to a server that somebody else may have registered with the CA, making you vulnerable to Man-in-the-Middle attacks. Either specify a custom CA certificate with sslrootcert parameter or use sslmode=verify-full for proper security.");n.ssl.checkServerIdentity=function(){};break}case"verify-full":break}else switch(n.sslmode){case"disable":{n.ssl=!1;break}case"prefer":case"require":case"verify-ca":case"verify-full":{n.sslmode!=="verify-full"&&Je(n.sslmode);break}case"no-verify":{n.ssl.rejectUnauthorized=!1;break}}return n}function di(t){return Object.entries(t).reduce((n,[r,s])=>(s!=null&&(n[r]=s),n),Object.create(null))}function br(t){return Object.entries(t).reduce((n,[r,s])=>{if(r==="ssl"){let o=s;typeof o=="boolean"&&(n[r]=o),typeof o=="object"&&(n[r]=di(o))}else if(s!=null)if(r==="port"){if(s!==""){let o=parseInt(s,10);if(isNaN(o))throw new Error(`Invalid ${r}: ${s}`);n[r]=o}}else n[r]=s;return n},Object.create(null))}function fi(t){return br(W(t))}function Je(t){!Je.warned&&typeof process<"u"&&process.emitWarning&&(Je.warned=!0,process.emitWarning(`SECURITY WARNING: The SSL modes 'prefer', 'require', and 'verify-ca' are treated as aliases for 'verify-full'.
In the next major version (pg-connection-string v3.0.0 and pg v9.0.0), these modes will adopt standard libpq semantics, which have weaker security guarantees.

To prepare for this change:
- If you want the current behavior, explicitly use 'sslmode=verify-full'
- If you want libpq compatibility now, use 'uselibpqcompat=true&sslmode=${t}'

See https://www.postgresql.org/docs/current/libpq-ssl.html for libpq SSL mode definitions.`))}Ar.exports=W;W.parse=W;W.toClientConfig=br;W.parseIntoClientConfig=fi});var Cr=E((rd,Or)=>{"use strict";var Ei=require("dns"),Lr=te(),Ir=wr().parse,T=function(t,e,n){return e[t]?e[t]:(n===void 0?n=process.env["PG"+t.toUpperCase()]:n===!1||(n=process.env[n]),n||Lr[t])},mi=function(){switch(process.env.PGSSLMODE){case"disable":return!1;case"prefer":case"require":case"verify-ca":case"verify-full":return!0;case"no-verify":return{rejectUnauthorized:!1}}return Lr.ssl},q=function(t){return"'"+(""+t).replace(/\\/g,"\\\\").replace(/'/g,"\\'")+"'"},A=function(t,e,n){let r=e[n];r!=null&&t.push(n+"="+q(r))},ze=class{constructor(e){if(e=typeof e=="string"?Ir(e):e||{},e.connectionString&&(e=Object.assign({},e,Ir(e.connectionString))),this.user=T("user",e),this.database=T("database",e),this.database===void 0&&(this.database=this.user),this.port=parseInt(T("port",e),10),this.host=T("host",e),Object.defineProperty(this,"password",{configurable:!0,enumerable:!1,writable:!0,value:T("password",e)}),this.binary=T("binary",e),this.options=T("options",e),this.ssl=typeof e.ssl>"u"?mi():e.ssl,typeof this.ssl=="string"&&this.ssl==="true"&&(this.ssl=!0),this.ssl==="no-verify"&&(this.ssl={rejectUnauthorized:!1}),this.ssl&&this.ssl.key&&Object.defineProperty(this.ssl,"key",{enumerable:!1}),this.sslnegotiation=T("sslnegotiation",e,"PGSSLNEGOTIATION"),this.sslnegotiation!==void 0&&this.sslnegotiation!=="postgres"&&this.sslnegotiation!=="direct")throw new Error(`Invalid sslnegotiation value: "${this.sslnegotiation}". Valid values are "postgres" and "direct".`);if(this.sslnegotiation==="direct"&&!this.ssl)throw new Error("sslnegotiation=direct requires SSL to be enabled");this.client_encoding=T("client_encoding",e),this.replication=T("replication",e),this.isDomainSocket=!(this.host||"").indexOf("/"),this.application_name=T("application_name",e,"PGAPPNAME"),this.fallback_application_name=T("fallback_application_name",e,!1),this.statement_timeout=T("statement_timeout",e,!1),this.lock_timeout=T("lock_timeout",e,!1),this.idle_in_transaction_session_timeout=T("idle_in_transaction_session_timeout",e,!1),this.query_timeout=T("query_timeout",e,!1),e.connectionTimeoutMillis===void 0?this.connect_timeout=process.env.PGCONNECT_TIMEOUT||0:this.connect_timeout=Math.floor(e.connectionTimeoutMillis/1e3),e.keepAlive===!1?this.keepalives=0:e.keepAlive===!0&&(this.keepalives=1),typeof e.keepAliveInitialDelayMillis=="number"&&(this.keepalives_idle=Math.floor(e.keepAliveInitialDelayMillis/1e3))}getLibpqConnectionString(e){let n=[];A(n,this,"user"),A(n,this,"password"),A(n,this,"port"),A(n,this,"application_name"),A(n,this,"fallback_application_name"),A(n,this,"connect_timeout"),A(n,this,"options");let r=typeof this.ssl=="object"?this.ssl:this.ssl?{sslmode:this.ssl}:{};if(A(n,r,"sslmode"),A(n,r,"sslca"),A(n,r,"sslkey"),A(n,r,"sslcert"),A(n,r,"sslrootcert"),A(n,this,"sslnegotiation"),this.database&&n.push("dbname="+q(this.database)),this.replication&&n.push("replication="+q(this.replication)),this.host&&n.push("host="+q(this.host)),this.isDomainSocket)return e(null,n.join(" "));this.client_encoding&&n.push("client_encoding="+q(this.client_encoding)),Ei.lookup(this.host,function(s,o){return s?e(s,null):(n.push("hostaddr="+q(o)),e(null,n.join(" ")))})}};Or.exports=ze});var et=E((sd,kr)=>{"use strict";var pi=ee(),Dr=/^([A-Za-z]+)(?: (\d+))?(?: (\d+))?/,Ze=class{constructor(e,n){this.command=null,this.rowCount=null,this.oid=null,this.rows=[],this.fields=[],this._parsers=void 0,this._types=n,this.RowCtor=null,this.rowAsArray=e==="array",this.rowAsArray&&(this.parseRow=this._parseRowAsArray),this._prebuiltEmptyResultObject=null}addCommandComplete(e){let n;e.text?n=Dr.exec(e.text):n=Dr.exec(e.command),n&&(this.command=n[1],n[3]?(this.oid=parseInt(n[2],10),this.rowCount=parseInt(n[3],10)):n[2]&&(this.rowCount=parseInt(n[2],10)))}_parseRowAsArray(e){let n=new Array(e.length);for(let r=0,s=e.length;r<s;r++){let o=e[r];o!==null?n[r]=this._parsers[r](o):n[r]=null}return n}parseRow(e){let n={...this._prebuiltEmptyResultObject};for(let r=0,s=e.length;r<s;r++){let o=e[r],a=this.fields[r].name;if(o!==null){let i=this.fields[r].format==="binary"?Buffer.from(o):o;n[a]=this._parsers[r](i)}else n[a]=null}return n}addRow(e){this.rows.push(e)}addFields(e){this.fields=e,this.fields.length&&(this._parsers=new Array(e.length));let n=Object.create(null);for(let r=0;r<e.length;r++){let s=e[r];n[s.name]=null,this._types?this._parsers[r]=this._types.getTypeParser(s.dataTypeID,s.format||"text"):this._parsers[r]=pi.getTypeParser(s.dataTypeID,s.format||"text")}this._prebuiltEmptyResultObject={...n}}};kr.exports=Ze});var Fr=E((od,Mr)=>{"use strict";var{EventEmitter:hi}=require("events"),xr=et(),vr=ne(),tt=class extends hi{constructor(e,n,r){super(),e=vr.normalizeQueryConfig(e,n,r),this.text=e.text,this.values=e.values,this.rows=e.rows,this.types=e.types,this.name=e.name,this.queryMode=e.queryMode,this.binary=e.binary,this.portal=e.portal||"",this.callback=e.callback,this._rowMode=e.rowMode,process.domain&&e.callback&&(this.callback=process.domain.bind(e.callback)),this._result=new xr(this._rowMode,this.types),this._results=this._result,this._canceledDueToError=!1}requiresPreparation(){return this.queryMode==="extended"||this.name||this.rows?!0:!this.text||!this.values?!1:this.values.length>0}_checkForMultirow(){this._result.command&&(Array.isArray(this._results)||(this._results=[this._result]),this._result=new xr(this._rowMode,this._result._types),this._results.push(this._result))}handleRowDescription(e){this._checkForMultirow(),this._result.addFields(e.fields),this._accumulateRows=this.callback||!this.listeners("row").length}handleDataRow(e){let n;if(!this._canceledDueToError){try{n=this._result.parseRow(e.fields)}catch(r){this._canceledDueToError=r;return}this.emit("row",n,this._result),this._accumulateRows&&this._result.addRow(n)}}handleCommandComplete(e,n){this._checkForMultirow(),this._result.addCommandComplete(e),this.rows&&n.sync()}handleEmptyQuery(e){this.rows&&e.sync()}handleError(e,n){if(this._canceledDueToError&&(e=this._canceledDueToError,this._canceledDueToError=!1),this.callback)return this.callback(e);this.emit("error",e)}handleReadyForQuery(e){if(this._canceledDueToError)return this.handleError(this._canceledDueToError,e);if(this.callback)try{this.callback(null,this._results)}catch(n){process.nextTick(()=>{throw n})}this.emit("end",this._results)}submit(e){if(typeof this.text!="string"&&typeof this.name!="string")return new Error("A query must have either text or a name. Supplying neither is unsupported.");let n=e.parsedStatements[this.name]||e.submittedNamedStatements[this.name];if(this.text&&n&&this.text!==n)return new Error(`Prepared statements must be unique - '${this.name}' was used for a different statement`);if(this.values&&!Array.isArray(this.values))return new Error("Query values must be an array");if(this.requiresPreparation()){e.stream.cork&&e.stream.cork();try{this.prepare(e)}finally{e.stream.uncork&&e.stream.uncork()}}else e.query(this.text);return null}hasBeenParsed(e){return this.name&&(e.parsedStatements[this.name]!==void 0||e.submittedNamedStatements[this.name]!==void 0)}handlePortalSuspended(e){this._getRows(e,this.rows)}_getRows(e,n){e.execute({portal:this.portal,rows:n}),n?e.flush():e.sync()}prepare(e){this.hasBeenParsed(e)||(e.parse({text:this.text,name:this.name,types:this.types}),this.name&&(e.submittedNamedStatements[this.name]=this.text));try{e.bind({portal:this.portal,statement:this.name,values:this.values,binary:this.binary,valueMapper:vr.prepareValue})}catch(n){e.close({type:"S",name:this.name}),e.sync(),this.handleError(n,e);return}e.describe({type:"P",name:this.portal||""}),this._getRows(e,this.rows)}handleCopyInResponse(e){e.sendCopyFail("No source stream defined")}handleCopyData(e,n){}};Mr.exports=tt});var ht=E(f=>{"use strict";Object.defineProperty(f,"__esModule",{value:!0});f.NoticeMessage=f.DataRowMessage=f.CommandCompleteMessage=f.ReadyForQueryMessage=f.NotificationResponseMessage=f.BackendKeyDataMessage=f.AuthenticationMD5Password=f.ParameterStatusMessage=f.ParameterDescriptionMessage=f.RowDescriptionMessage=f.Field=f.CopyResponse=f.CopyDataMessage=f.DatabaseError=f.copyDone=f.emptyQuery=f.replicationStart=f.portalSuspended=f.noData=f.closeComplete=f.bindComplete=f.parseComplete=void 0;f.parseComplete={name:"parseComplete",length:5};f.bindComplete={name:"bindComplete",length:5};f.closeComplete={name:"closeComplete",length:5};f.noData={name:"noData",length:5};f.portalSuspended={name:"portalSuspended",length:5};f.replicationStart={name:"replicationStart",length:4};f.emptyQuery={name:"emptyQuery",length:4};f.copyDone={name:"copyDone",length:4};var nt=class extends Error{constructor(e,n,r){super(e),this.length=n,this.name=r}};f.DatabaseError=nt;var rt=class{constructor(e,n){this.length=e,this.chunk=n,this.name="copyData"}};f.CopyDataMessage=rt;var st=class{constructor(e,n,r,s){this.length=e,this.name=n,this.binary=r,this.columnTypes=new Array(s)}};f.CopyResponse=st;var ot=class{constructor(e,n,r,s,o,a,i){this.name=e,this.tableID=n,this.columnID=r,this.dataTypeID=s,this.dataTypeSize=o,this.dataTypeModifier=a,this.format=i}};f.Field=ot;var at=class{constructor(e,n){this.length=e,this.fieldCount=n,this.name="rowDescription",this.fields=new Array(this.fieldCount)}};f.RowDescriptionMessage=at;var it=class{constructor(e,n){this.length=e,this.parameterCount=n,this.name="parameterDescription",this.dataTypeIDs=new Array(this.parameterCount)}};f.ParameterDescriptionMessage=it;var lt=class{constructor(e,n,r){this.length=e,this.parameterName=n,this.parameterValue=r,this.name="parameterStatus"}};f.ParameterStatusMessage=lt;var ct=class{constructor(e,n){this.length=e,this.salt=n,this.name="authenticationMD5Password"}};f.AuthenticationMD5Password=ct;var ut=class{constructor(e,n,r){this.length=e,this.processID=n,this.secretKey=r,this.name="backendKeyData"}};f.BackendKeyDataMessage=ut;var dt=class{constructor(e,n,r,s){this.length=e,this.processId=n,this.channel=r,this.payload=s,this.name="notification"}};f.NotificationResponseMessage=dt;var ft=class{constructor(e,n){this.length=e,this.status=n,this.name="readyForQuery"}};f.ReadyForQueryMessage=ft;var Et=class{constructor(e,n){this.length=e,this.text=n,this.name="commandComplete"}};f.CommandCompleteMessage=Et;var mt=class{constructor(e,n){this.length=e,this.fields=n,this.name="dataRow",this.fieldCount=n.length}};f.DataRowMessage=mt;var pt=class{constructor(e,n){this.length=e,this.message=n,this.name="notice"}};f.NoticeMessage=pt});var Ur=E(me=>{"use strict";Object.defineProperty(me,"__esModule",{value:!0});me.Writer=void 0;var gt=class{constructor(e=256){this.size=e,this.offset=5,this.headerPosition=0,this.buffer=Buffer.allocUnsafe(e)}ensure(e){if(this.buffer.length-this.offset<e){let r=this.buffer,s=r.length+(r.length>>1)+e;this.buffer=Buffer.allocUnsafe(s),r.copy(this.buffer,0,0,this.offset)}}addInt32(e){return this.ensure(4),this.buffer[this.offset++]=e>>>24&255,this.buffer[this.offset++]=e>>>16&255,this.buffer[this.offset++]=e>>>8&255,this.buffer[this.offset++]=e>>>0&255,this}addInt16(e){return this.ensure(2),this.buffer[this.offset++]=e>>>8&255,this.buffer[this.offset++]=e>>>0&255,this}addCString(e){if(!e)this.ensure(1);else{let n=Buffer.byteLength(e);this.ensure(n+1),this.buffer.write(e,this.offset,"utf-8"),this.offset+=n}return this.buffer[this.offset++]=0,this}addString(e=""){let n=Buffer.byteLength(e);return this.ensure(n),this.buffer.write(e,this.offset),this.offset+=n,this}addInt32PrefixedString(e){let n=Buffer.byteLength(e);this.ensure(4+n);let r=this.buffer,s=this.offset;return r[s++]=n>>>24&255,r[s++]=n>>>16&255,r[s++]=n>>>8&255,r[s++]=n>>>0&255,r.write(e,s,"utf-8"),this.offset=s+n,this}add(e){return this.ensure(e.length),e.copy(this.buffer,this.offset),this.offset+=e.length,this}reserveUnsafe(e){let n=this.offset;return this.ensure(e),this.offset+=e,n}join(e){if(e){this.buffer[this.headerPosition]=e;let n=this.offset-(this.headerPosition+1);this.buffer.writeInt32BE(n,this.headerPosition+1)}return this.buffer.slice(e?0:5,this.offset)}flush(e){let n=this.join(e);return this.offset=5,this.headerPosition=0,this.buffer=Buffer.allocUnsafe(this.size),n}clear(){this.offset=5,this.headerPosition=0}};me.Writer=gt});var $r=E(he=>{"use strict";Object.defineProperty(he,"__esModule",{value:!0});he.serialize=void 0;var Pr=Ur(),p=new Pr.Writer,gi=t=>{p.addInt16(3).addInt16(0);for(let r of Object.keys(t))p.addCString(r).addCString(t[r]);p.addCString("client_encoding").addCString("UTF8");let e=p.addCString("").flush(),n=e.length+4;return new Pr.Writer().addInt32(n).add(e).flush()},_i=()=>{let t=Buffer.allocUnsafe(8);return t.writeInt32BE(8,0),t.writeInt32BE(80877103,4),t},Si=t=>p.addCString(t).flush(112),Ni=function(t,e){return p.addCString(t).addInt32PrefixedString(e),p.flush(112)},yi=function(t){return p.addString(t).flush(112)},Ti=t=>p.addCString(t).flush(81),Hr=[],Ri=t=>{let e=t.name||"";e.length>63&&(console.error("Warning! Postgres only supports 63 characters for query names."),console.error("You supplied %s (%s)",e,e.length),console.error("This can cause conflicts and silent errors executing queries"));let n=t.types||Hr,r=n.length,s=p.addCString(e).addCString(t.text).addInt16(r);for(let o=0;o<r;o++)s.addInt32(n[o]);return p.flush(80)},bi=function(t,e,n){let r=t.length;for(let s=0;s<r;s++){let o=e?e(t[s],s):t[s],a=0;o==null?p.addInt32(-1):o instanceof Buffer?(a=1,p.addInt32(o.length),p.add(o)):p.addInt32PrefixedString(o);let i=p.buffer;i[n++]=0,i[n++]=a}},Ai=(t={})=>{let e=t.portal||"",n=t.statement||"",r=t.binary||!1,s=t.values||Hr,o=s.length;p.addCString(e).addCString(n),p.addInt16(o);let a=p.reserveUnsafe(o*2);p.addInt16(o);try{bi(s,t.valueMapper,a)}catch(i){throw p.clear(),i}return p.addInt16(1),p.addInt16(r?1:0),p.flush(66)},wi=Buffer.from([69,0,0,0,9,0,0,0,0,0]),Ii=t=>{if(!t||!t.portal&&!t.rows)return wi;let e=t.portal||"",n=t.rows||0,r=Buffer.byteLength(e),s=4+r+1+4,o=Buffer.allocUnsafe(1+s);return o[0]=69,o.writeInt32BE(s,1),o.write(e,5,"utf-8"),o[r+5]=0,o.writeUInt32BE(n,o.length-4),o},Li=(t,e)=>{let n=Buffer.allocUnsafe(16);return n.writeInt32BE(16,0),n.writeInt16BE(1234,4),n.writeInt16BE(5678,6),n.writeInt32BE(t,8),n.writeInt32BE(e,12),n},_t=(t,e)=>{let r=4+Buffer.byteLength(e)+1,s=Buffer.allocUnsafe(1+r);return s[0]=t,s.writeInt32BE(r,1),s.write(e,5,"utf-8"),s[r]=0,s},Oi=p.addCString("P").flush(68),Ci=p.addCString("S").flush(68),Di=t=>t.name?_t(68,`${t.type}${t.name||""}`):t.type==="P"?Oi:Ci,ki=t=>{let e=`${t.type}${t.name||""}`;return _t(67,e)},xi=t=>p.add(t).flush(100),vi=t=>_t(102,t),pe=t=>Buffer.from([t,0,0,0,4]),Mi=pe(72),Fi=pe(83),Ui=pe(88),Pi=pe(99),Hi={startup:gi,password:Si,requestSsl:_i,sendSASLInitialResponseMessage:Ni,sendSCRAMClientFinalMessage:yi,query:Ti,parse:Ri,bind:Ai,execute:Ii,describe:Di,close:ki,flush:()=>Mi,sync:()=>Fi,end:()=>Ui,copyData:xi,copyDone:()=>Pi,copyFail:vi,cancel:Li};he.serialize=Hi});var Br=E(ge=>{"use strict";Object.defineProperty(ge,"__esModule",{value:!0});ge.BufferReader=void 0;var St=class{constructor(e=0){this.offset=e,this.buffer=Buffer.allocUnsafe(0),this.encoding="utf-8"}setBuffer(e,n){this.offset=e,this.buffer=n}int16(){let e=this.buffer.readInt16BE(this.offset);return this.offset+=2,e}byte(){let e=this.buffer[this.offset];return this.offset++,e}int32(){let e=this.buffer.readInt32BE(this.offset);return this.offset+=4,e}uint32(){let e=this.buffer.readUInt32BE(this.offset);return this.offset+=4,e}string(e){let n=this.buffer.toString(this.encoding,this.offset,this.offset+e);return this.offset+=e,n}cstring(){let e=this.offset,n=e;for(;this.buffer[n++];);return this.offset=n,this.buffer.toString(this.encoding,e,n-1)}bytes(e){let n=this.buffer.slice(this.offset,this.offset+e);return this.offset+=e,n}};ge.BufferReader=St});var Gr=E(_e=>{"use strict";Object.defineProperty(_e,"__esModule",{value:!0});_e.Parser=void 0;var g=ht(),$i=Br(),yt=1,Bi=4,Wr=yt+Bi,w=-1,Nt=Buffer.allocUnsafe(0),Tt=class{constructor(e){if(this.buffer=Nt,this.bufferLength=0,this.bufferOffset=0,this.reader=new $i.BufferReader,e?.mode==="binary")throw new Error("Binary mode not supported yet");this.mode=e?.mode||"text"}parse(e,n){this.mergeBuffer(e);let r=this.bufferOffset+this.bufferLength,s=this.bufferOffset;for(;s+Wr<=r;){let o=this.buffer[s],a=this.buffer.readUInt32BE(s+yt),i=yt+a;if(i+s<=r){let l=this.handlePacket(s+Wr,o,a,this.buffer);n(l),s+=i}else break}s===r?(this.buffer=Nt,this.bufferLength=0,this.bufferOffset=0):(this.bufferLength=r-s,this.bufferOffset=s)}mergeBuffer(e){if(this.bufferLength>0){let n=this.bufferLength+e.byteLength;if(n+this.bufferOffset>this.buffer.byteLength){let s;if(n<=this.buffer.byteLength&&this.bufferOffset>=this.bufferLength)s=this.buffer;else{let o=this.buffer.byteLength*2;for(;n>=o;)o*=2;s=Buffer.allocUnsafe(o)}this.buffer.copy(s,0,this.bufferOffset,this.bufferOffset+this.bufferLength),this.buffer=s,this.bufferOffset=0}e.copy(this.buffer,this.bufferOffset+this.bufferLength),this.bufferLength=n}else this.buffer=e,this.bufferOffset=0,this.bufferLength=e.byteLength}handlePacket(e,n,r,s){let{reader:o}=this;o.setBuffer(e,s);let a;switch(n){case 50:a=g.bindComplete;break;case 49:a=g.parseComplete;break;case 51:a=g.closeComplete;break;case 110:a=g.noData;break;case 115:a=g.portalSuspended;break;case 99:a=g.copyDone;break;case 87:a=g.replicationStart;break;case 73:a=g.emptyQuery;break;case 68:a=Ji(o);break;case 67:a=qi(o);break;case 90:a=Wi(o);break;case 65:a=Qi(o);break;case 82:a=el(o,r);break;case 83:a=zi(o);break;case 75:a=Zi(o);break;case 69:a=qr(o,"error");break;case 78:a=qr(o,"notice");break;case 84:a=Xi(o);break;case 116:a=Ki(o);break;case 71:a=Gi(o);break;case 72:a=Yi(o);break;case 100:a=ji(o,r);break;default:return new g.DatabaseError("received invalid response: "+n.toString(16),r,"error")}return o.setBuffer(0,Nt),a.length=r,a}};_e.Parser=Tt;var Wi=t=>{let e=t.string(1);return new g.ReadyForQueryMessage(w,e)},qi=t=>{let e=t.cstring();return new g.CommandCompleteMessage(w,e)},ji=(t,e)=>{let n=t.bytes(e-4);return new g.CopyDataMessage(w,n)},Gi=t=>jr(t,"copyInResponse"),Yi=t=>jr(t,"copyOutResponse"),jr=(t,e)=>{let n=t.byte()!==0,r=t.int16(),s=new g.CopyResponse(w,e,n,r);for(let o=0;o<r;o++)s.columnTypes[o]=t.int16();return s},Qi=t=>{let e=t.int32(),n=t.cstring(),r=t.cstring();return new g.NotificationResponseMessage(w,e,n,r)},Xi=t=>{let e=t.int16(),n=new g.RowDescriptionMessage(w,e);for(let r=0;r<e;r++)n.fields[r]=Vi(t);return n},Vi=t=>{let e=t.cstring(),n=t.uint32(),r=t.int16(),s=t.uint32(),o=t.int16(),a=t.int32(),i=t.int16()===0?"text":"binary";return new g.Field(e,n,r,s,o,a,i)},Ki=t=>{let e=t.int16(),n=new g.ParameterDescriptionMessage(w,e);for(let r=0;r<e;r++)n.dataTypeIDs[r]=t.uint32();return n},Ji=t=>{let e=t.int16(),n=new Array(e);for(let r=0;r<e;r++){let s=t.int32();n[r]=s===-1?null:t.string(s)}return new g.DataRowMessage(w,n)},zi=t=>{let e=t.cstring(),n=t.cstring();return new g.ParameterStatusMessage(w,e,n)},Zi=t=>{let e=t.int32(),n=t.int32();return new g.BackendKeyDataMessage(w,e,n)},el=(t,e)=>{let n=t.int32(),r={name:"authenticationOk",length:e};switch(n){case 0:break;case 3:r.length===8&&(r.name="authenticationCleartextPassword");break;case 5:if(r.length===12){r.name="authenticationMD5Password";let s=t.bytes(4);return new g.AuthenticationMD5Password(w,s)}break;case 10:{r.name="authenticationSASL",r.mechanisms=[];let s;do s=t.cstring(),s&&r.mechanisms.push(s);while(s)}break;case 11:r.name="authenticationSASLContinue",r.data=t.string(e-8);break;case 12:r.name="authenticationSASLFinal",r.data=t.string(e-8);break;default:throw new Error("Unknown authenticationOk message type "+n)}return r},qr=(t,e)=>{let n={},r=t.string(1);for(;r!=="\0";)n[r]=t.cstring(),r=t.string(1);let s=n.M,o=e==="notice"?new g.NoticeMessage(w,s):new g.DatabaseError(s,w,e);return o.severity=n.S,o.code=n.C,o.detail=n.D,o.hint=n.H,o.position=n.P,o.internalPosition=n.p,o.internalQuery=n.q,o.where=n.W,o.schema=n.s,o.table=n.t,o.column=n.c,o.dataType=n.d,o.constraint=n.n,o.file=n.F,o.line=n.L,o.routine=n.R,o}});var Rt=E(P=>{"use strict";Object.defineProperty(P,"__esModule",{value:!0});P.DatabaseError=P.serialize=void 0;P.parse=sl;var tl=ht();Object.defineProperty(P,"DatabaseError",{enumerable:!0,get:function(){return tl.DatabaseError}});var nl=$r();Object.defineProperty(P,"serialize",{enumerable:!0,get:function(){return nl.serialize}});var rl=Gr();function sl(t,e){let n=new rl.Parser;return t.on("data",r=>n.parse(r,e)),new Promise(r=>t.on("end",()=>r()))}});var Qr=E((fd,Yr)=>{Yr.exports=class{}});var Vr=E((md,Xr)=>{var{getStream:ol,getSecureStream:al}=ul();Xr.exports={getStream:ol,getSecureStream:al};function il(){function t(n){let r=require("net");return new r.Socket}function e(n){return require("tls").connect(n)}return{getStream:t,getSecureStream:e}}function ll(){function t(n){let{CloudflareSocket:r}=Qr();return new r(n)}function e(n){return n.socket.startTls(n),n.socket}return{getStream:t,getSecureStream:e}}function cl(){if(typeof navigator=="object"&&navigator!==null&&typeof navigator.userAgent=="string")return navigator.userAgent==="Cloudflare-Workers";if(typeof Response=="function"){let t=new Response(null,{cf:{thing:!0}});if(typeof t.cf=="object"&&t.cf!==null&&t.cf.thing)return!0}return!1}function ul(){return cl()?ll():il()}});var At=E((pd,Jr)=>{"use strict";var dl=require("events").EventEmitter,{parse:fl,serialize:S}=Rt(),Kr=Vr(),{getStream:El}=Kr,ml=S.flush(),pl=S.sync(),hl=S.end(),bt=class extends dl{constructor(e){super(),e=e||{},this.stream=e.stream||El(e.ssl),typeof this.stream=="function"&&(this.stream=this.stream(e)),this._keepAlive=e.keepAlive,this._keepAliveInitialDelayMillis=e.keepAliveInitialDelayMillis,this.parsedStatements={},this.submittedNamedStatements={},this.ssl=e.ssl||!1,this.sslNegotiation=e.sslNegotiation||"postgres",this._ending=!1,this._emitMessage=!1;let n=this;this.on("newListener",function(r){r==="message"&&(n._emitMessage=!0)})}connect(e,n){let r=this;this._connecting=!0,this.stream.setNoDelay(!0),this.stream.connect(e,n),this.stream.once("connect",function(){r._keepAlive&&r.stream.setKeepAlive(!0,r._keepAliveInitialDelayMillis),r.emit("connect")});let s=function(o){r._ending&&(o.code==="ECONNRESET"||o.code==="EPIPE")||r.emit("error",o)};if(this.stream.on("error",s),this.stream.on("close",function(){r.emit("end")}),!this.ssl)return this.attachListeners(this.stream);if(this.sslNegotiation==="direct")return this.stream.once("connect",function(){r.upgradeToSSL(n,s)});this.stream.once("data",function(o){switch(o.toString("utf8")){case"S":break;case"N":return r.stream.end(),r.emit("error",new Error("The server does not support SSL connections"));default:return r.stream.end(),r.emit("error",new Error("There was an error establishing an SSL connection"))}r.upgradeToSSL(n,s)})}upgradeToSSL(e,n){let r=this,s={socket:r.stream,host:e};r.ssl!==!0&&(Object.assign(s,r.ssl),"key"in r.ssl&&(s.key=r.ssl.key)),r.sslNegotiation==="direct"&&(s.ALPNProtocols=["postgresql"]);let o=require("net");o.isIP&&o.isIP(e)===0&&(s.servername=e);try{r.stream=Kr.getSecureStream(s)}catch(a){return r.emit("error",a)}r.attachListeners(r.stream),r.stream.on("error",n),r.emit("sslconnect")}attachListeners(e){fl(e,n=>{let r=n.name==="error"?"errorMessage":n.name;this._emitMessage&&this.emit("message",n),this.emit(r,n)})}requestSsl(){this.stream.write(S.requestSsl())}startup(e){this.stream.write(S.startup(e))}cancel(e,n){this._send(S.cancel(e,n))}password(e){this._send(S.password(e))}sendSASLInitialResponseMessage(e,n){this._send(S.sendSASLInitialResponseMessage(e,n))}sendSCRAMClientFinalMessage(e){this._send(S.sendSCRAMClientFinalMessage(e))}_send(e){return this.stream.writable?this.stream.write(e):!1}query(e){this._send(S.query(e))}parse(e){this._send(S.parse(e))}bind(e){this._send(S.bind(e))}execute(e){this._send(S.execute(e))}flush(){this.stream.writable&&this.stream.write(ml)}sync(){this._send(pl)}ref(){this.stream.ref()}unref(){this.stream.unref()}end(){if(this._ending=!0,!this._connecting||!this.stream.writable){this.stream.end();return}return this.stream.write(hl,()=>{this.stream.end()})}close(e){this._send(S.close(e))}describe(e){this._send(S.describe(e))}sendCopyFromChunk(e){this._send(S.copyData(e))}endCopyFrom(){this._send(S.copyDone())}sendCopyFail(e){this._send(S.copyFail(e))}};Jr.exports=bt});var Zr=E((hd,zr)=>{zr.exports=class{}});var rs=E((_d,ns)=>{var gl=require("events").EventEmitter,es=ne(),re=require("util"),Se=Tr(),_l=Ke(),Sl=Cr(),wt=Fr(),Nl=te(),yl=At(),Tl=Xe(),ts=re.deprecate(()=>{},"Client.activeQuery is deprecated and will be removed in pg@9.0"),Rl=re.deprecate(()=>{},"Client.queryQueue is deprecated and will be removed in pg@9.0."),bl=re.deprecate(()=>{},"pgpass support is deprecated and will be removed in pg@9.0. You can provide an async function as the password property to the Client/Pool constructor that returns a password instead. Within this function you can call the pgpass module in your own code."),Al=re.deprecate(()=>{},"Passing a custom Promise implementation to the Client/Pool constructor is deprecated and will be removed in pg@9.0."),wl=re.deprecate(()=>{},"Calling client.query() when the client is already executing a query is deprecated and will be removed in pg@9.0. Use async/await or an external async flow control mechanism instead.");function Il(t,e){if(typeof t=="number")return Number.isFinite(t)?t:e;if(typeof t=="string"&&t.trim()!==""){let n=Number(t);return Number.isFinite(n)?n:e}return e}var Ne=class extends gl{constructor(e){super(),this.connectionParameters=new Sl(e),this.user=this.connectionParameters.user,this.database=this.connectionParameters.database,this.port=this.connectionParameters.port,this.host=this.connectionParameters.host,Object.defineProperty(this,"password",{configurable:!0,enumerable:!1,writable:!0,value:this.connectionParameters.password}),this.replication=this.connectionParameters.replication;let n=e||{};n.Promise&&Al(),this._Promise=n.Promise||global.Promise,this._types=new _l(n.types),this._ending=!1,this._ended=!1,this._connecting=!1,this._connected=!1,this._connectionError=!1,this._queryable=!0,this._activeQuery=null,this._txStatus=null,this.enableChannelBinding=!!n.enableChannelBinding,this.scramMaxIterations=Il(n.scramMaxIterations,Se.DEFAULT_MAX_SCRAM_ITERATIONS),this.connection=n.connection||new yl({stream:n.stream,ssl:this.connectionParameters.ssl,sslNegotiation:this.connectionParameters.sslnegotiation,keepAlive:n.keepAlive||!1,keepAliveInitialDelayMillis:n.keepAliveInitialDelayMillis||0,encoding:this.connectionParameters.client_encoding||"utf8"}),this._queryQueue=[],this._sentQueryQueue=[],this.pipeline=!!n.pipeline,this.binary=n.binary||Nl.binary,this.processID=null,this.secretKey=null,this.ssl=this.connectionParameters.ssl||!1,this.sslNegotiation=this.connectionParameters.sslnegotiation||"postgres",this.ssl&&this.ssl.key&&Object.defineProperty(this.ssl,"key",{enumerable:!1}),this._connectionTimeoutMillis=n.connectionTimeoutMillis||0}get activeQuery(){return ts(),this._activeQuery}set activeQuery(e){ts(),this._activeQuery=e}_getActiveQuery(){return this._activeQuery}_errorAllQueries(e){let n=s=>{process.nextTick(()=>{s.handleError(e,this.connection)})},r=this._getActiveQuery();r&&(n(r),this._activeQuery=null),this._sentQueryQueue.forEach(n),this._sentQueryQueue.length=0,this._queryQueue.forEach(n),this._queryQueue.length=0}_connect(e){let n=this,r=this.connection;if(this._connectionCallback=e,this._connecting||this._connected){let s=new Error("Client has already been connected. You cannot reuse a client.");process.nextTick(()=>{e(s)});return}this._connecting=!0,this._connectionTimeoutMillis>0&&(this.connectionTimeoutHandle=setTimeout(()=>{r._ending=!0,r.stream.destroy(new Error("timeout expired"))},this._connectionTimeoutMillis),this.connectionTimeoutHandle.unref&&this.connectionTimeoutHandle.unref()),this.host&&this.host.indexOf("/")===0?r.connect(this.host+"/.s.PGSQL."+this.port):r.connect(this.port,this.host),r.on("connect",function(){n.ssl?n.sslNegotiation!=="direct"&&r.requestSsl():r.startup(n.getStartupConf())}),r.on("sslconnect",function(){r.startup(n.getStartupConf())}),this._attachListeners(r),r.once("end",()=>{let s=this._ending?new Error("Connection terminated"):new Error("Connection terminated unexpectedly");clearTimeout(this.connectionTimeoutHandle),this._errorAllQueries(s),this._ended=!0,this._ending||(this._connecting&&!this._connectionError?this._connectionCallback?this._connectionCallback(s):this._handleErrorEvent(s):this._connectionError||this._handleErrorEvent(s)),process.nextTick(()=>{this.emit("end")})})}connect(e){if(e){this._connect(e);return}return new this._Promise((n,r)=>{this._connect(s=>{s?r(s):n(this)})})}_attachListeners(e){e.on("authenticationCleartextPassword",this._handleAuthCleartextPassword.bind(this)),e.on("authenticationMD5Password",this._handleAuthMD5Password.bind(this)),e.on("authenticationSASL",this._handleAuthSASL.bind(this)),e.on("authenticationSASLContinue",this._handleAuthSASLContinue.bind(this)),e.on("authenticationSASLFinal",this._handleAuthSASLFinal.bind(this)),e.on("backendKeyData",this._handleBackendKeyData.bind(this)),e.on("error",this._handleErrorEvent.bind(this)),e.on("errorMessage",this._handleErrorMessage.bind(this)),e.on("readyForQuery",this._handleReadyForQuery.bind(this)),e.on("notice",this._handleNotice.bind(this)),e.on("rowDescription",this._handleRowDescription.bind(this)),e.on("dataRow",this._handleDataRow.bind(this)),e.on("portalSuspended",this._handlePortalSuspended.bind(this)),e.on("emptyQuery",this._handleEmptyQuery.bind(this)),e.on("commandComplete",this._handleCommandComplete.bind(this)),e.on("parseComplete",this._handleParseComplete.bind(this)),e.on("copyInResponse",this._handleCopyInResponse.bind(this)),e.on("copyData",this._handleCopyData.bind(this)),e.on("notification",this._handleNotification.bind(this))}_getPassword(e){let n=this.connection;if(typeof this.password=="function")this._Promise.resolve().then(()=>this.password(this.connectionParameters)).then(r=>{if(r!==void 0){if(typeof r!="string"){n.emit("error",new TypeError("Password must be a string"));return}this.connectionParameters.password=this.password=r}else this.connectionParameters.password=this.password=null;e()}).catch(r=>{n.emit("error",r)});else if(this.password!==null)e();else try{Zr()(this.connectionParameters,s=>{s!==void 0&&(bl(),this.connectionParameters.password=this.password=s),e()})}catch(r){this.emit("error",r)}}_handleAuthCleartextPassword(e){this._getPassword(()=>{this.connection.password(this.password)})}_handleAuthMD5Password(e){this._getPassword(async()=>{try{let n=await Tl.postgresMd5PasswordHash(this.user,this.password,e.salt);this.connection.password(n)}catch(n){this.emit("error",n)}})}_handleAuthSASL(e){this._getPassword(()=>{try{this.saslSession=Se.startSession(e.mechanisms,this.enableChannelBinding&&this.connection.stream,this.scramMaxIterations),this.connection.sendSASLInitialResponseMessage(this.saslSession.mechanism,this.saslSession.response)}catch(n){this.connection.emit("error",n)}})}async _handleAuthSASLContinue(e){try{await Se.continueSession(this.saslSession,this.password,e.data,this.enableChannelBinding&&this.connection.stream),this.connection.sendSCRAMClientFinalMessage(this.saslSession.response)}catch(n){this.connection.emit("error",n)}}_handleAuthSASLFinal(e){try{Se.finalizeSession(this.saslSession,e.data),this.saslSession=null}catch(n){this.connection.emit("error",n)}}_handleBackendKeyData(e){this.processID=e.processID,this.secretKey=e.secretKey}_handleReadyForQuery(e){this._connecting&&(this._connecting=!1,this._connected=!0,clearTimeout(this.connectionTimeoutHandle),this._connectionCallback&&(this._connectionCallback(null,this),this._connectionCallback=null),this.emit("connect"));let n=this._getActiveQuery();this._activeQuery=null,this._txStatus=e?.status??null,this.readyForQuery=!0,n&&n.handleReadyForQuery(this.connection),this._pulseQueryQueue()}_handleErrorWhileConnecting(e){if(!this._connectionError){if(this._connectionError=!0,clearTimeout(this.connectionTimeoutHandle),this._connectionCallback)return this._connectionCallback(e);this.emit("error",e)}}_handleErrorEvent(e){if(this._connecting)return this._handleErrorWhileConnecting(e);this._queryable=!1,this._errorAllQueries(e),this.emit("error",e)}_handleErrorMessage(e){if(this._connecting)return this._handleErrorWhileConnecting(e);let n=this._getActiveQuery();if(!n){this._handleErrorEvent(e);return}this._activeQuery=null,n.name&&delete this.connection.submittedNamedStatements[n.name],n.handleError(e,this.connection)}_handleRowDescription(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected rowDescription message from backend.");this._handleErrorEvent(r);return}n.handleRowDescription(e)}_handleDataRow(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected dataRow message from backend.");this._handleErrorEvent(r);return}n.handleDataRow(e)}_handlePortalSuspended(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected portalSuspended message from backend.");this._handleErrorEvent(r);return}n.handlePortalSuspended(this.connection)}_handleEmptyQuery(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected emptyQuery message from backend.");this._handleErrorEvent(r);return}n.handleEmptyQuery(this.connection)}_handleCommandComplete(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected commandComplete message from backend.");this._handleErrorEvent(r);return}n.handleCommandComplete(e,this.connection)}_handleParseComplete(){let e=this._getActiveQuery();if(e==null){let n=new Error("Received unexpected parseComplete message from backend.");this._handleErrorEvent(n);return}e.name&&(this.connection.parsedStatements[e.name]=e.text,delete this.connection.submittedNamedStatements[e.name])}_handleCopyInResponse(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected copyInResponse message from backend.");this._handleErrorEvent(r);return}n.handleCopyInResponse(this.connection)}_handleCopyData(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected copyData message from backend.");this._handleErrorEvent(r);return}n.handleCopyData(e,this.connection)}_handleNotification(e){this.emit("notification",e)}_handleNotice(e){this.emit("notice",e)}getStartupConf(){let e=this.connectionParameters,n={user:e.user,database:e.database},r=e.application_name||e.fallback_application_name;return r&&(n.application_name=r),e.replication&&(n.replication=""+e.replication),e.statement_timeout&&(n.statement_timeout=String(parseInt(e.statement_timeout,10))),e.lock_timeout&&(n.lock_timeout=String(parseInt(e.lock_timeout,10))),e.idle_in_transaction_session_timeout&&(n.idle_in_transaction_session_timeout=String(parseInt(e.idle_in_transaction_session_timeout,10))),e.options&&(n.options=e.options),n}cancel(e,n){if(e.activeQuery===n){let r=this.connection;this.host&&this.host.indexOf("/")===0?r.connect(this.host+"/.s.PGSQL."+this.port):r.connect(this.port,this.host),r.on("connect",function(){r.cancel(e.processID,e.secretKey)})}else e._queryQueue.indexOf(n)!==-1?e._queryQueue.splice(e._queryQueue.indexOf(n),1):e._sentQueryQueue.indexOf(n)!==-1&&(n.callback=()=>{})}setTypeParser(e,n,r){return this._types.setTypeParser(e,n,r)}getTypeParser(e,n){return this._types.getTypeParser(e,n)}escapeIdentifier(e){return es.escapeIdentifier(e)}escapeLiteral(e){return es.escapeLiteral(e)}_pulseQueryQueue(){if(this.pipeline){this._pulsePipelinedQueryQueue();return}if(this.readyForQuery===!0){this._activeQuery=this._queryQueue.shift();let e=this._getActiveQuery();if(e){this.readyForQuery=!1,this.hasExecuted=!0;let n=e.submit(this.connection);n&&process.nextTick(()=>{e.handleError(n,this.connection),this.readyForQuery=!0,this._pulseQueryQueue()})}else this.hasExecuted&&(this._activeQuery=null,this.emit("drain"))}}_pulsePipelinedQueryQueue(){if(!(!this._connected||!this._queryable)){for(;this._queryQueue.length>0;){let e=this._queryQueue.shift();this.hasExecuted=!0;let n=e.submit(this.connection);if(n){process.nextTick(()=>{e.handleError(n,this.connection)});continue}this._sentQueryQueue.push(e)}this.readyForQuery&&!this._activeQuery&&this._sentQueryQueue.length>0&&(this._activeQuery=this._sentQueryQueue.shift(),this.readyForQuery=!1),!this._activeQuery&&this._sentQueryQueue.length===0&&this._queryQueue.length===0&&this.hasExecuted&&this.emit("drain")}}query(e,n,r){let s,o;if(e==null)throw new TypeError("Client was passed a null or undefined query");if(typeof e.submit=="function")o=s=e,s.callback||(typeof n=="function"?s.callback=n:r&&(s.callback=r));else if(s=new wt(e,n,r),!s.callback)o=new this._Promise((i,l)=>{s.callback=(c,u)=>c?l(c):i(u)}).catch(i=>{throw Error.captureStackTrace(i),i});else if(typeof s.callback!="function")throw new TypeError("callback is not a function");let a=e.query_timeout||this.connectionParameters.query_timeout;if(a){let i=s.callback||(()=>{}),l=setTimeout(()=>{let c=new Error("Query read timeout");process.nextTick(()=>{s.handleError(c,this.connection)}),i(c),s.callback=()=>{};let u=this._queryQueue.indexOf(s);if(u>-1)this._queryQueue.splice(u,1);else if(this.pipeline){this.connection.stream.destroy();return}this._pulseQueryQueue()},a);s.callback=(c,u)=>{clearTimeout(l),i(c,u)}}if(this.binary&&!s.binary&&(s.binary=!0),s._result&&!s._result._types&&(s._result._types=this._types),this.pipeline){let i=typeof e.submit=="function"&&!(s instanceof wt)?"Custom query classes such as pg-cursor and pg-query-stream are":s.rows?"The `rows` option is":null;if(i)return process.nextTick(()=>{s.handleError(new Error(`${i} not supported in pipeline mode`),this.connection)}),o}return this._queryable?this._ending?(process.nextTick(()=>{s.handleError(new Error("Client was closed and is not queryable"),this.connection)}),o):(this._queryQueue.length>0&&!this.pipeline&&wl(),this._queryQueue.push(s),this._pulseQueryQueue(),o):(process.nextTick(()=>{s.handleError(new Error("Client has encountered a connection error and is not queryable"),this.connection)}),o)}ref(){this.connection.ref()}unref(){this.connection.unref()}getTransactionStatus(){return this._txStatus}end(e){if(this._ending=!0,!this.connection._connecting||this._ended)if(e){e();return}else return this._Promise.resolve();if(this._queryable?this.pipeline&&(this._getActiveQuery()||this._sentQueryQueue.length>0||this._queryQueue.length>0)?this.once("drain",()=>this.connection.end()):this._getActiveQuery()?this.connection.stream.destroy():this.connection.end():this.connection.stream.destroy(),e)this.connection.once("end",e);else return new this._Promise(n=>{this.connection.once("end",n)})}get queryQueue(){return Rl(),this._queryQueue}};Ne.Query=wt;ns.exports=Ne});var os=E((Sd,ss)=>{ss.exports=class{}});var It=E((yd,as)=>{as.exports=class{}});var us=E((bd,ye)=>{"use strict";var Ll=rs(),Ol=te(),Cl=At(),Dl=et(),kl=ne(),xl=os(),vl=Ke(),{DatabaseError:Ml}=Rt(),{escapeIdentifier:Fl,escapeLiteral:Ul}=ne(),Pl=t=>class extends xl{constructor(n){super(n,t)}},is=function(t){this.defaults=Ol,this.Client=t,this.Query=this.Client.Query,this.Pool=Pl(this.Client),this._pools=[],this.Connection=Cl,this.types=ee(),this.DatabaseError=Ml,this.TypeOverrides=vl,this.escapeIdentifier=Fl,this.escapeLiteral=Ul,this.Result=Dl,this.utils=kl},ls=Ll,cs=!1;try{cs=!!process.env.NODE_PG_FORCE_NATIVE}catch{}cs&&(ls=It());ye.exports=new is(ls);Object.defineProperty(ye.exports,"native",{configurable:!0,enumerable:!1,get(){let t=null;try{t=new is(It())}catch(e){if(e.code!=="MODULE_NOT_FOUND")throw e}return Object.defineProperty(ye.exports,"native",{value:t}),t}})});var ds={};Ot(ds,{Client:()=>Hl,Connection:()=>Bl,DatabaseError:()=>jl,Pool:()=>$l,Query:()=>ql,Result:()=>Ql,TypeOverrides:()=>Xl,default:()=>Kl,defaults:()=>Vl,escapeIdentifier:()=>Gl,escapeLiteral:()=>Yl,types:()=>Wl});var I,Hl,$l,Bl,Wl,ql,jl,Gl,Yl,Ql,Xl,Vl,Kl,fs=xs(()=>{I=vs(us(),1),Hl=I.default.Client,$l=I.default.Pool,Bl=I.default.Connection,Wl=I.default.types,ql=I.default.Query,jl=I.default.DatabaseError,Gl=I.default.escapeIdentifier,Yl=I.default.escapeLiteral,Ql=I.default.Result,Xl=I.default.TypeOverrides,Vl=I.default.defaults,Kl=I.default});var cc={};Ot(cc,{agent:()=>lc,undo:()=>bs});module.exports=Ms(cc);var _=class extends Error{name="StepFailed";evidence;constructor(e,n,r){super(e,r===void 0?{}:{cause:r}),this.evidence=n}};function H(t){return String(t).padStart(4,"0")}var Dt=require("node:crypto");var mc=new Set(["all analyse analyze and any array as asc asymmetric authorization between binary both case cast check collate","collation column concurrently constraint create cross current_catalog current_date current_role current_schema","current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for","foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading","left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing","primary references returning right select session_user similar some symmetric table tablesample then to trailing","true union unique user using variadic verbose when where window with timestamp time interval precision"].flatMap(t=>t.split(" ")));function L(t){return`\`${t.replaceAll("\\","\\\\").replaceAll("`","\\`")}\``}function y(t){return`'${t.replaceAll("\\","\\\\").replaceAll("'","\\'")}'`}var kt=["CREATE DATABASE IF NOT EXISTS langfuse_rollout ENGINE = Atomic",`CREATE TABLE IF NOT EXISTS langfuse_rollout.archived (
    rollback_id String,
    migration String,
    relation String,
    \`column\` String,
    stored_as String,
    rows UInt64,
    archived_at DateTime64(3) DEFAULT now64(3)
  ) ENGINE = MergeTree ORDER BY (rollback_id, migration, relation, \`column\`)
  SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,`CREATE TABLE IF NOT EXISTS langfuse_rollout.journal (
    sequence UInt64,
    migration String,
    phase String,
    rollback_id String,
    at DateTime64(3) DEFAULT now64(3)
  ) ENGINE = MergeTree ORDER BY sequence
  SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`],Fs="langfuse_rollout";async function Re(t,e){let[n]=await t(`SELECT count() AS found FROM langfuse_rollout.archived WHERE ${Us(e)}`);return Number(n?.found)>0}async function be(t,e,n){let r=[e.rollbackId,e.migration,e.relation,e.column,n.as].map(M);await t(`INSERT INTO langfuse_rollout.archived (rollback_id, migration, relation, \`column\`, stored_as, rows)
     SELECT ${r.join(", ")}, ${n.rows}`)}async function Ae(t,e){return(await t(`SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name IN (${e.map(M).join(", ")})
     AND name NOT IN (SELECT stored_as FROM langfuse_rollout.archived) ORDER BY name`)).map(r=>String(r.name))}async function xt(t,e){if(e.length===0)return 0;let[n]=await t(`SELECT sum(rows) AS total FROM langfuse_rollout.archived WHERE rollback_id IN (${e.map(M).join(", ")})`);return Number(n?.total??0)}function we({relation:t,column:e,migration:n,rollbackId:r},s=1){return`${[t,e,...s===1?[]:[String(s)]].filter(a=>a!=="").join("__")}__${n}${Ie(r)}`}function Ie(t){return`__${t.replaceAll(/[^A-Za-z0-9]+/g,"_").slice(0,80)}_${(0,Dt.createHash)("sha256").update(t).digest("hex").slice(0,6)}`}function F(t){return`${Fs}.${L(t)}`}function Us({rollbackId:t,migration:e,relation:n,column:r}){return`rollback_id = ${M(t)} AND migration = ${M(e)}
    AND relation = ${M(n)} AND \`column\` = ${M(r)}`}var M=y;function D(t,e){return[...t.matchAll(Ps[e])].map(({0:n,groups:r})=>({text:n,kind:r?.quoted!==void 0?"quoted":r?.comment!==void 0?"comment":"code"}))}function Mt(t,e){let n=[],r={text:"",empty:!0};for(let s of D(t,e)){let[o="",...a]=s.kind==="code"?s.text.split(";"):[s.text];r.text+=o,s.kind!=="comment"&&o.trim()!==""&&(r.empty=!1);for(let i of a)n.push(r),r={text:i,empty:i.trim()===""}}return[...n,r].filter(({empty:s})=>!s).map(({text:s})=>s.trim())}var vt=String.raw`--[^\n]*|/\*[\s\S]*?(?:\*/|$)`,Ps={clickhouse:new RegExp([String.raw`(?<quoted>'(?:\\[\s\S]|''|[^'\\])*(?:'|$)|"(?:\\[\s\S]|""|[^"\\])*(?:"|$)|`,"`(?:\\\\[\\s\\S]|``|[^`\\\\])*(?:`|$))",String.raw`|(?<comment>${vt}|#[ !][^\n]*)|(?<code>[^'"\x60#/-]+|[\s\S])`].join(""),"g"),postgres:new RegExp([String.raw`(?<quoted>\b[eE]'(?:\\[\s\S]|''|[^'\\])*(?:'|$)|'(?:''|[^'])*(?:'|$)|"(?:""|[^"])*(?:"|$)|`,String.raw`(?<![\w$])\$(?<tag>[A-Za-z_]\w*|)\$[\s\S]*?(?:\$\k<tag>\$|$))`,String.raw`|(?<comment>${vt})|(?<code>[^'"$/eE-]+|[\s\S])`].join(""),"g")};function Ft(t){let e=Ws(t),{call:n,list:r}=/^SELECT\s+langfuse_rollout\.(?<call>\w+)\((?<list>[\s\S]*)\)$/.exec(e)?.groups??{};if(n!==void 0)return $s(n,Bs(r??"",e),e);let s=Hs.exec(qs(e))?.[0];if(s!==void 0)throw new Error(`${s} must not be in down SQL: it takes away what is not archived.`);let o=/^ALTER\s+TABLE\s+`?(?<table>\w+)`?\s/i.exec(e)?.groups?.table;return{kind:"sql",sql:e,...o!==void 0&&{table:o}}}function G(t){let e=D(t,"clickhouse").flatMap(({kind:n,text:r})=>n==="code"?r.match(/\w+/g)??[]:n==="quoted"&&!r.startsWith("'")?[r.slice(1,-1).replaceAll(/\\(.)/g,"$1")]:[]);return new Set(e)}var Hs=/\b(DROP\s+(?!INDEX\b|VIEW\b)\w+|TRUNCATE|DELETE|DETACH|RENAME|REPLACE|CLEAR|MOVE|ATTACH|MODIFY\s+TTL|langfuse_rollout)\b/i;function $s(t,e,n){let[r,...s]=e,[o,a,i]=s;if(e.every(l=>l!=="")&&r!==void 0){if(t==="archive_column"&&o!==void 0&&a!==void 0&&i===void 0)return{kind:"archive-column",table:r,column:o,condition:a};if(t==="drop_columns"&&s.length>0)return{kind:"drop-columns",table:r,columns:s};if(t==="drop_table"&&s.length===0)return{kind:"drop-table",table:r}}throw new Error(`${n} is not a call that down SQL for ClickHouse may make.`)}function Bs(t,e){let n=D(t,"clickhouse"),r=n.map(({kind:s,text:o})=>s==="quoted"&&o[0]==="'"?"s":o.trim());if(!/^s(,s)*$/.test(r.join("")))throw new Error(`${e} takes strings only.`);return n.flatMap(({kind:s,text:o})=>s==="quoted"?[o.slice(1,-1).replaceAll("''","'").replaceAll(/\\(.)/g,"$1")]:[])}function Ws(t){return D(t,"clickhouse").map(({kind:e,text:n})=>e==="comment"?" ":n).join("").trim()}function qs(t){return D(t,"clickhouse").map(({kind:e,text:n})=>e==="code"?n:" ").join("")}async function Ut(t,e){let n=e.flatMap(o=>o.kind==="drop-table"?[o.table]:[]),r=e.flatMap(o=>o.kind==="drop-columns"&&!n.includes(o.table)?o.columns.map(a=>({table:o.table,column:a})):[]),s=G(e.map(o=>o.kind==="sql"?o.sql:"").join(" "));return[...await js(t,{gone:n,columns:r,own:s}),...await Qs(t,{columns:r,own:s})]}async function js(t,{gone:e,columns:n,own:r}){return(await t(`SELECT database, name, as_select, create_table_query, currentDatabase() AS here FROM system.tables
     WHERE engine = 'MaterializedView' AND database NOT IN ('system', 'langfuse_rollout')`)).flatMap(o=>{let{database:a,name:i,here:l}=o;if(a===l&&r.has(String(i)))return[];let c=String(o.as_select),u=G(c.replaceAll(Gs," "));if(!u.has(String(l)))return[];let d=/(?:\bSELECT|,)\s*(?:\w+\.)?\*/i.test(c),m=`the materialized view ${a}.${i}`,N=n.filter(({table:R,column:j})=>u.has(R)&&(d||u.has(j))),C=Ys(String(o.create_table_query),String(l));return[...N.map(({table:R,column:j})=>`${m} reads ${R}.${j}`),...e.filter(R=>R===C&&!u.has(R)).map(R=>`${m} writes into ${R}`)]})}var Gs=/\bAS\s+(?:\w+|`(?:[^`\\]|\\.)*`)/g;function Ys(t,e){let n=/\sTO\s+(?<database>`(?:[^`\\]|\\.)+`|\w+)\.(?<table>`(?:[^`\\]|\\.)+`|\w+)\s/.exec(t)?.groups,r=(s="")=>[...G(s)][0]??"";return r(n?.database)===e?r(n?.table):void 0}async function Qs(t,{columns:e,own:n}){return(await t("SELECT table, name, expr FROM system.data_skipping_indices WHERE database = currentDatabase()")).flatMap(({table:s,name:o,expr:a})=>{if(n.has(String(o)))return[];let i=G(String(a));return e.filter(l=>l.table===s&&i.has(l.column)).map(l=>`the index ${o} on ${s} is about ${l.column}`)})}async function Pt(t,e,n){let r=n;for(let s=2;await Xs(t,r);s++)r=`${n}-${s}`;await Bt(t,e,"expand",r)}async function Xs(t,e){let[n]=await t(`SELECT (SELECT count() FROM langfuse_rollout.archived WHERE rollback_id = ${y(e)})
      + (SELECT count() FROM langfuse_rollout.journal WHERE rollback_id = ${y(e)} AND phase = 'contract')
      + (SELECT count() FROM system.tables
         WHERE database = 'langfuse_rollout' AND endsWith(name, ${y(Ie(e))})) AS found`);return Number(n?.found)>0}async function Ht(t,e,n){let r=await t(`SELECT migration, argMaxIf(rollback_id, sequence, phase = 'expand') AS id,
      maxIf(sequence, phase = 'contract') > maxIf(sequence, phase = 'expand') AS over
     FROM langfuse_rollout.journal WHERE migration IN (${e.map(y).join(", ")}) GROUP BY migration`),s=new Map(r.map(o=>[String(o.migration),o]));return new Map(e.map(o=>{let a=s.get(o),i=String(a?.id??"")||n;return[o,{rollbackId:i,isOver:Number(a?.over??0)===1}]}))}async function $t(t,e,n){await Bt(t,[e],"contract",n)}async function Bt(t,e,n,r){await t(`INSERT INTO langfuse_rollout.journal (sequence, migration, phase, rollback_id)
     SELECT (SELECT max(sequence) FROM langfuse_rollout.journal) + 1, arrayJoin([${e.map(y).join(", ")}]),
       ${y(n)}, ${y(r)}`)}async function Wt(t,e){switch(t.kind){case"archive-column":return Vs(t,e);case"drop-columns":return zs(t,e);case"drop-table":return Zs(t.table,e);case"sql":await e.query(t.sql)}}async function Vs({table:t,column:e,condition:n},r){let{query:s,rollbackId:o,migration:a}=r,i={rollbackId:o,migration:a,relation:t,column:e};if(await Re(s,i))return;let l=we(i);if((await Ae(s,[l])).length===0){let c=await jt(t,s);if(c.every(u=>u.name!==e))return;await Ks({entry:i,name:l,condition:n,columns:c},r)}await qt(i,l,r)}async function Ks(t,{query:e}){let{entry:n,name:r,condition:s,columns:o}=t,a=F(`${r}__copying`),i=o.filter(({name:u,isKey:d})=>d||u===n.column),l=i.map(u=>L(u.name)).join(", "),c=i.filter(({inSortingKey:u})=>u).map(u=>L(u.name));await e(`DROP TABLE IF EXISTS ${a}`),await e(`CREATE TABLE ${a} (${i.map(({name:u,type:d,codec:m})=>`${L(u)} ${d} ${m}`).join(", ")})
     ENGINE = MergeTree ORDER BY (${c.join(", ")}) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`),await e(`INSERT INTO ${a} (${l}) SELECT ${l} FROM ${L(n.relation)} WHERE ${s}
     SETTINGS ${Js}`),await e(`RENAME TABLE ${a} TO ${F(r)}`)}var Js="max_threads = 1, max_insert_threads = 1, max_block_size = 4096, preferred_block_size_bytes = 1000000, preferred_max_column_in_block_size_bytes = 1000000, min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 33554432, max_execution_time = 0, final = 0";async function zs({table:t,columns:e},n){let{query:r,rollbackId:s,migration:o}=n,a=new Set((await jt(t,r)).map(({name:c})=>c)),i=e.filter(c=>a.has(c));for(let c of i)if(!await Re(r,{rollbackId:s,migration:o,relation:t,column:c}))throw new Error(`${t}.${c} is not in the archive, so it is not dropped.`);if(i.length===0)return;let l=i.map(c=>`DROP COLUMN IF EXISTS ${L(c)}`).join(", ");await r(`ALTER TABLE ${L(t)} ${l}${await Gt(t,r)}`)}async function Zs(t,e){let{query:n,rollbackId:r,migration:s}=e,o={rollbackId:r,migration:s,relation:t,column:""},a=[1,2,3,4,5,6,7,8,9].map(l=>we(o,l)),[i]=await n(`SELECT engine, engine_full FROM system.tables WHERE database = currentDatabase() AND name = ${y(t)}`);i!==void 0&&await eo({table:t,found:i,names:a},e);for(let l of await Ae(n,a))await qt(o,l,e)}async function eo(t,{query:e}){let{table:n,found:r,names:s}=t;if(r.engine==="Null"){await e(`DROP TABLE ${L(n)}`);return}/\bTTL\b/.test(to(String(r.engine_full)))&&await e(`ALTER TABLE ${L(n)} REMOVE TTL${await Gt(n,e)}`);let o=await e(`SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name IN (${s.map(y).join(", ")})`),a=s.find(i=>o.every(l=>l.name!==i));if(a===void 0)throw new Error(`The archive has no name left for ${n}.`);await e(`RENAME TABLE ${L(n)} TO ${F(a)}`)}async function qt(t,e,{query:n,say:r}){let[s]=await n(`SELECT count() AS rows FROM ${F(e)} SETTINGS final = 0`),o=Number(s?.rows);if(o>0){await be(n,t,{as:e,rows:o});let a=t.column===""?t.relation:`${t.relation}.${t.column}`;r(`${a}: ${o} rows are now in ${F(e)}`);return}t.column!==""&&await be(n,t,{as:"",rows:0}),await n(`DROP TABLE IF EXISTS ${F(e)}`)}async function jt(t,e){return(await e(`SELECT c.name AS name, c.type AS type, c.compression_codec AS codec, c.is_in_sorting_key AS sorts,
       extract(t.engine_full, '^ReplacingMergeTree\\\\(([^,)]+)') AS version
     FROM system.columns AS c
     INNER JOIN (SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name = ${y(t)}) AS t
       ON t.name = c.table
     WHERE c.database = currentDatabase() AND c.table = ${y(t)} ORDER BY c.position`)).map(r=>{let s=Number(r.sorts)===1,o=String(r.name),a=s||o===r.version;return{name:o,type:String(r.type),codec:String(r.codec),inSortingKey:s,isKey:a}})}async function Gt(t,e){let[n]=await e(`SELECT count() AS found FROM system.data_skipping_indices
     WHERE database = currentDatabase() AND table = ${y(t)} AND type = 'text'`);return Number(n?.found)>0?" SETTINGS enable_full_text_index = 1":""}function to(t){return D(t,"clickhouse").map(({kind:e,text:n})=>e==="code"?n:" ").join("")}function ae(t,e){return Mt(t,e)}function Le(t){let{index:e,table:n}=ro.exec(so(t))?.groups??{};return e&&n?{index:Yt(e),table:Yt(n)}:void 0}var no={postgres:["expand","prepare","contract","validate"],clickhouse:["expand","contract"]},Dc=no.postgres;var ro=/^CREATE\s+INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(?<index>"(?:[^"]|"")+"|\w+)\s+ON\s+public\.(?<table>"(?:[^"]|"")+"|\w+)/i;function so(t){return D(t,"postgres").map(e=>e.kind==="comment"?" ":e.text).join("").trim()}function Yt(t){return t.startsWith('"')?t.slice(1,-1).replaceAll('""','"'):t.toLowerCase()}async function Qt(t,e,n){await Kt(t,Vt(t,e,n))}async function Xt(t,e,n){let r=Vt(t,e,n);return await Kt(t,r),t.phase==="expand"&&await ao(t,r),t.phase==="contract"&&r.files.length>0?io(r):0}function Vt(t,e,n){return{files:t.clickhouse.map(r=>oo(r,n)),query:r=>e.run(r,{timeoutMs:Math.max(6e4,n.deadline-n.clock.now())}),context:n}}async function Kt(t,e){if(e.files.length!==0){for(let n of kt)await e.query(n);t.phase==="expand"&&(t.clickhouseHead!==void 0&&await fo(e.query),await uo(e))}}function oo(t,{facts:e}){let n=H(t),r=e.downSql("clickhouse",t)?.sections;if(r===void 0)throw new _(`There is no down SQL for ClickHouse ${n}.`,[]);let s=o=>ae(o,"clickhouse").map(Ft);try{return{migration:n,expand:s(r.expand),contract:s(r.contract)}}catch(o){throw new _(`The down SQL of ClickHouse ${n} is not usable; nothing was changed.`,[],o)}}async function ao(t,{files:e,query:n,context:r}){let s=e.map(({migration:o})=>o);e.length>0&&await Pt(n,s,r.rollbackId);for(let{migration:o,expand:a}of e)await Jt(a,{query:n,migration:o,rollbackId:"",say:r.say},"expand");t.clickhouseHead!==void 0&&await Eo(t.clickhouseHead,n,r)}async function io({files:t,query:e,context:n}){let r=await Ht(e,t.map(({migration:s})=>s),n.rollbackId);for(let[s,{migration:o,contract:a}]of t.entries()){let{rollbackId:i=n.rollbackId,isOver:l=!1}=r.get(o)??{};if(l)continue;let c=lo(t.slice(s+1)),u=a.filter(d=>!co(d,c));await Jt(u,{query:e,migration:o,rollbackId:i,say:n.say},"contract"),await $t(e,o,i)}return xt(e,[...new Set([...r.values()].map(({rollbackId:s})=>s))])}function lo(t){return new Set(t.flatMap(e=>e.contract.flatMap(n=>n.kind==="drop-table"?[n.table]:[])))}function co(t,e){return t.kind!=="drop-table"&&t.table!==void 0&&e.has(t.table)}async function Jt(t,e,n){if(t.length!==0){e.say(`ClickHouse ${e.migration}: ${n}`);for(let r of t)try{await Wt(r,e)}catch(s){throw new _(`The down SQL of ClickHouse ${e.migration}, ${n}, failed. ClickHouse has no transactions: what was done before stays, and running this again goes on from there.`,[],s)}}}async function uo({files:t,query:e}){let n=t.flatMap(s=>s.contract);if(n.some(({kind:s})=>s==="drop-table")){let[s]=await e("SELECT name, engine FROM system.databases WHERE name = currentDatabase()");if(s?.engine!=="Atomic")throw new _(`ClickHouse's database ${s?.name} has the engine ${s?.engine}: tables can be moved into the archive only from a database of engine Atomic. Nothing was changed.`,[])}let r=await Ut(e,n);if(r.length!==0)throw new _(`What was made beside Langfuse stands in the way of this rollback: ${r.join("; ")}. Drop it, and run this again. Nothing was changed.`,r)}async function fo(t){let[e]=await t("SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1");if(Number(e?.dirty??0)!==0)throw new _(`ClickHouse's schema_migrations says that version ${e?.version} failed half-way (dirty): repair that first. Nothing was changed.`,[])}async function Eo(t,e,{clock:n,say:r}){let[s]=await e("SELECT max(sequence) AS newest FROM schema_migrations"),o=BigInt(String(s?.newest??"0")),a=BigInt(n.now())*1000000n,i=a>o?a:o+1n;await e(`INSERT INTO schema_migrations (version, dirty, sequence) VALUES (${t}, 0, ${i})`),r(`ClickHouse's schema_migrations now says ${t}`)}function k(t){if(!(!(t instanceof Error)||!("code"in t)))return typeof t.code=="string"&&/^[0-9A-Z]{5}$/.test(t.code)?t.code:void 0}function Oe(t){if(!(t instanceof Error))return[];let{detail:e,hint:n,where:r}=t,s=typeof r=="string"?/^SQL statement "(.{1,300}?)"?$/m.exec(r)?.[1]:void 0;return[k(t)===mo?e:void 0,n,s&&`At the statement: ${s}`].filter(o=>typeof o=="string")}var mo="2BP01";var zt=[{signature:"row_as_json(relation oid, columns text[])",returns:"text",comment:`Internal: the SQL that makes jsonb of the row this: of the columns, or of all of them when NULL.
A value of type json goes in as its text: jsonb would reorder its keys, and refuses \\u0000.`,body:`
DECLARE
  list text;
BEGIN
  IF columns IS NULL AND NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = relation AND atttypid = 'json'::regtype AND NOT attisdropped
  ) THEN
    RETURN 'to_jsonb(this.*)';
  END IF;
  SELECT string_agg(format(CASE WHEN a.atttypid = 'json'::regtype THEN 'this.%1$I::text AS %1$I' ELSE 'this.%I' END,
    a.attname), ', ' ORDER BY a.attnum)
  INTO list
  FROM pg_attribute AS a
  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    AND (columns IS NULL OR a.attname::text = ANY (columns));
  RETURN format('(SELECT to_jsonb(kept.*) FROM (SELECT %s) AS kept)', list);
END`},{signature:"note_definition(relation text, reason text, definition jsonb)",returns:"void",comment:"Internal: keeps what an object was that goes, so that a person can make it again. Once.",body:`
BEGIN
  INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row)
  SELECT langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), relation, reason,
    'definition', definition
  WHERE NOT EXISTS (
    SELECT FROM langfuse_rollout.archived_rows AS known
    WHERE known.rollback_id = langfuse_rollout.setting('rollback_id')
      AND known.migration = langfuse_rollout.setting('migration')
      AND known.relation = relation AND known.kind = 'definition' AND known.row = definition
  );
END`},{signature:"archive_matching(relation oid, condition text, reason text, columns text[], again boolean, written text)",returns:"bigint",comment:`Internal: copies rows: the columns with the primary key, or whole rows when columns or the key are not there.
Unless again, a row that this migration's undoing has archived just so is not archived a second time.
written is the SQL of what takes the place of its columns, as jsonb, or NULL.`,body:`
DECLARE
  key text[] := langfuse_rollout.primary_key(relation);
  kind text := CASE WHEN columns IS NULL OR key IS NULL THEN 'row' ELSE 'values' END;
  picked text := langfuse_rollout.row_as_json(relation, CASE WHEN kind = 'values' THEN key || columns END);
  copied bigint;
BEGIN
  EXECUTE format($sql$
    INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row, written)
    SELECT $1, $2, $3, $4, $5, candidate.row, candidate.written
    FROM (SELECT %s AS row, %s AS written FROM %s AS this WHERE (%s
    )) AS candidate
    %s$sql$, picked, coalesce(written, 'NULL::jsonb'), relation::regclass, condition, CASE WHEN NOT again THEN $sql$
    WHERE NOT EXISTS (
      SELECT FROM langfuse_rollout.archived_rows AS known
      WHERE known.rollback_id = $1 AND known.migration = $2 AND known.relation = $3
        AND known.kind = $5 AND known.row = candidate.row
    )$sql$ END)
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), relation::regclass::text,
    reason, kind;
  GET DIAGNOSTICS copied = ROW_COUNT;
  RETURN copied;
END`},{signature:"archive_referrers(relation oid, condition text, reason text, path oid[])",returns:"void",comment:"Internal: archives the rows that ON DELETE CASCADE, SET NULL or SET DEFAULT would take or change with the rows.",body:`
DECLARE
  key record;
  theirs text;
BEGIN
  FOR key IN
    SELECT c.conrelid AS child, c.confdeltype AS action,
      (SELECT string_agg(format('this.%I', a.attname), ', ' ORDER BY n)
       FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, n)
       JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS referring,
      (SELECT string_agg(format('this.%I', a.attname), ', ' ORDER BY n)
       FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, n)
       JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS referred,
      (SELECT format('%L::jsonb', jsonb_object_agg(a.attname, NULL::text))
       FROM pg_attribute AS a
       WHERE c.confdeltype = 'n' AND a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS written
    FROM pg_constraint AS c
    WHERE c.contype = 'f' AND c.confrelid = relation AND c.confdeltype IN ('c', 'n', 'd') AND c.conparentid = 0
    ORDER BY c.conrelid::regclass::text, c.conname
  LOOP
    theirs := format('(%s) IN (SELECT %s FROM %s AS this WHERE (%s
    ))', key.referring, key.referred, relation::regclass, condition);
    -- Rows that go round in a circle are there already the second time, which ends it.
    IF langfuse_rollout.archive_matching(key.child, theirs, reason, NULL, false, key.written) > 0
      OR (key.action = 'c' AND key.child <> ALL (path))
    THEN
      IF key.action = 'c' THEN
        PERFORM langfuse_rollout.archive_referrers(key.child, theirs, reason, path || key.child);
      END IF;
    END IF;
  END LOOP;
END`}];var Zt=[{signature:"todo_list(relation oid, call text)",returns:"text",comment:`Internal: the name of the temporary table that remembers what a call still has to do when it is to do so
many rows at a time as langfuse_rollout.batch says; NULL when it is to do all at once. An empty list: all is done.`,body:`
BEGIN
  IF coalesce(current_setting('langfuse_rollout.batch', true), '') = ''
    OR (SELECT relkind FROM pg_class WHERE oid = relation) = 'p'
    OR NOT has_database_privilege(current_database(), 'TEMPORARY')
  THEN
    RETURN NULL;
  END IF;
  RETURN 'langfuse_rollout_' || to_hex(hashtextextended(
    concat_ws(chr(1), langfuse_rollout.setting('migration'), relation, call), 0));
END`},{signature:"tell_whether_more(list text)",returns:"void",comment:"Internal: langfuse_rollout.more says that some rows are left, so that the same is called again.",body:`
DECLARE
  is_done boolean;
BEGIN
  EXECUTE format('SELECT NOT EXISTS (SELECT FROM pg_temp.%I)', list) INTO is_done;
  IF NOT is_done THEN PERFORM set_config('langfuse_rollout.more', 'yes', true); END IF;
END`},{signature:"forget_todo_lists()",returns:"void",comment:"Called when a statement has nothing left to do.",body:`
DECLARE
  list text;
BEGIN
  FOR list IN
    SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname LIKE 'langfuse\\_rollout\\_%'
  LOOP
    EXECUTE format('DROP TABLE pg_temp.%I', list);
  END LOOP;
END`},{signature:"next_batch(relation oid, condition text, call text)",returns:"text",comment:`Internal: the condition, or that of the next rows when there is a list. The rows are looked up once: a row
that is changed meanwhile has another place and is left, so validate does the same repairs again.`,body:`
DECLARE
  list text := langfuse_rollout.todo_list(relation, concat_ws(chr(1), condition, call));
  places text;
BEGIN
  IF list IS NULL THEN RETURN condition; END IF;
  IF to_regclass('pg_temp.' || list) IS NULL THEN
    PERFORM set_config('enable_seqscan', 'on', true);
    EXECUTE format($sql$
      CREATE TEMPORARY TABLE %I ON COMMIT PRESERVE ROWS AS
      SELECT number, array_agg(place)::text AS places
      FROM (
        SELECT this.ctid AS place, (row_number() OVER () - 1) / %s AS number FROM %s AS this WHERE (%s
        )
      ) AS numbered GROUP BY number$sql$,
      list, current_setting('langfuse_rollout.batch'), relation::regclass, condition);
  END IF;
  EXECUTE format('DELETE FROM pg_temp.%1$I WHERE number = (SELECT min(number) FROM pg_temp.%1$I) RETURNING places', list)
  INTO places;
  PERFORM langfuse_rollout.tell_whether_more(list);
  -- The places of rows say where they are, but PostgreSQL would rather read a table of middling size as a whole.
  PERFORM set_config('enable_seqscan', 'off', true);
  RETURN CASE WHEN places IS NULL THEN 'false'
    ELSE format(E'this.ctid = ANY (%L::tid[]) AND (%s\\n)', places, condition) END;
END`}];var en=[{signature:"rename_table(old text, new text)",returns:"void",comment:"Renames a table. A second call finds nothing to do; when both are there, PostgreSQL says so.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(old);
BEGIN
  IF place IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s RENAME TO %I', place::regclass, new::name);
  END IF;
END`},{signature:"rename_column(relation text, old text, new text)",returns:"void",comment:"Renames a column, and remembers it: what is archived after that has the older name.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, old) IS NOT NULL THEN
    PERFORM langfuse_rollout.note_definition(place::regclass::text, format('the column %I is renamed', old::name),
      jsonb_build_object('kind', 'renamed column', 'old', old::name, 'new', new::name));
    EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', place::regclass, old::name, new::name);
  END IF;
END`},{signature:"rename_index(old text, new text)",returns:"void",comment:"Renames an index, also that of a constraint, whose name follows.",body:`
DECLARE
  place oid := langfuse_rollout.relation_named(old, '{i,I}');
BEGIN
  IF place IS NULL THEN
    RAISE NOTICE 'there is no index public.%, nothing is done', quote_ident(old);
  ELSE
    EXECUTE format('ALTER INDEX %s RENAME TO %I', place::regclass, new::name);
  END IF;
END`},{signature:"rename_constraint(relation text, old text, new text)",returns:"void",comment:"Renames a constraint.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = old::name) THEN
    EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', place::regclass, old::name, new::name);
  ELSE
    RAISE NOTICE 'there is no constraint % on %, nothing is done', quote_ident(old), quote_ident(relation);
  END IF;
END`},{signature:"rename_enum(old text, new text)",returns:"void",comment:"Renames an enum.",body:`
DECLARE
  place oid := langfuse_rollout.type_named(old);
BEGIN
  IF place IS NOT NULL THEN
    EXECUTE format('ALTER TYPE %s RENAME TO %I', place::regtype, new::name);
  END IF;
END`},{signature:"add_column(relation text, column_name text, definition text)",returns:"void",comment:"Adds a column that is missing.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL OR EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = place AND attname = column_name::name AND NOT attisdropped
  ) THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', place::regclass, column_name::name, definition);
END`},{signature:"add_constraint(relation text, name text, definition text)",returns:"void",comment:"Adds a constraint that is missing; one of that name is left as it is.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = name::name) THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', place::regclass, name::name, definition);
END`},{signature:"validate_constraint(relation text, name text)",returns:"void",comment:`Validates a constraint that is NOT VALID. For the validate phase: by then an older migration of the same
rollback may have taken the constraint or its table away.`,body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = name::name) THEN
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', place::regclass, name::name);
  END IF;
END`},{signature:"set_not_null(relation text, column_name text, fill text)",returns:"void",comment:"Makes a column NOT NULL. Rows with NULL are archived and get fill; where fill is NULL they are an error.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  number smallint := langfuse_rollout.column_named(place, column_name);
  missing bigint;
BEGIN
  IF number IS NULL OR (SELECT attnotnull FROM pg_attribute WHERE attrelid = place AND attnum = number) THEN
    RETURN;
  END IF;
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', place::regclass);
  IF fill IS NOT NULL THEN
    PERFORM langfuse_rollout.rewrite_rows(relation, format('%I = (%s)', column_name::name, fill),
      format('this.%I IS NULL', column_name::name), format('the older release needs a value in %I', column_name::name));
  END IF;
  EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', place::regclass, column_name::name);
EXCEPTION WHEN not_null_violation THEN
  EXECUTE format('SELECT count(*) FROM %s WHERE %I IS NULL', place::regclass, column_name::name) INTO missing;
  RAISE EXCEPTION 'the column % of % is NULL in % rows, which the older release cannot have', quote_ident(column_name),
    place::regclass, missing USING ERRCODE = 'not_null_violation', HINT = 'Give these rows a value, or delete them.';
END`},{signature:"drop_not_null(relation text, column_name text)",returns:"void",comment:"Lets a column be NULL.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, column_name) IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', place::regclass, column_name::name);
  END IF;
END`},{signature:"set_default(relation text, column_name text, expression text)",returns:"void",comment:"Sets the default of a column, or takes it away when NULL.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, column_name) IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I %s', place::regclass, column_name::name,
      coalesce('SET DEFAULT ' || expression, 'DROP DEFAULT'));
  END IF;
END`}];var tn=[{signature:"drop_column(relation text, column_name text)",returns:"void",comment:`Drops a column whose values are in the archive, or are put there now. Indexes and constraints that PostgreSQL
drops with it, also those of users, are kept as definitions.`,body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  number smallint := langfuse_rollout.column_named(place, column_name);
BEGIN
  IF number IS NULL THEN RETURN; END IF;
  -- Between copying the values and dropping the column nobody may set another one.
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', place::regclass);
  PERFORM langfuse_rollout.archive_column(relation, column_name);
  PERFORM langfuse_rollout.note_definition(place::regclass::text,
    format('goes with the column %I', column_name::name), dependent.definition)
  FROM (
    SELECT DISTINCT CASE d.classid
      WHEN 'pg_class'::regclass THEN jsonb_build_object('kind', 'index',
        'name', (SELECT relname FROM pg_class WHERE oid = d.objid), 'definition', pg_get_indexdef(d.objid))
      WHEN 'pg_constraint'::regclass THEN jsonb_build_object('kind', 'constraint',
        'name', (SELECT conname FROM pg_constraint WHERE oid = d.objid), 'definition', pg_get_constraintdef(d.objid))
      WHEN 'pg_statistic_ext'::regclass THEN jsonb_build_object('kind', 'statistics',
        'definition', pg_get_statisticsobjdef(d.objid))
    END AS definition
    FROM pg_depend AS d
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = place AND d.refobjsubid = number
      AND d.deptype IN ('a', 'i')
      AND (d.classid IN ('pg_constraint'::regclass, 'pg_statistic_ext'::regclass)
        OR d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_index WHERE indexrelid = d.objid))
  ) AS dependent;
  EXECUTE format('ALTER TABLE %s DROP COLUMN %I', place::regclass, column_name::name);
  UPDATE langfuse_rollout.archived_columns AS known SET dropped_at = now()
  WHERE known.rollback_id = langfuse_rollout.setting('rollback_id')
    AND known.migration = langfuse_rollout.setting('migration')
    AND known.relation = place::regclass::text AND known.column_name = drop_column.column_name::name;
END`},{signature:"describe_table(relation oid)",returns:"jsonb",comment:"Internal: what a table is made of, for people.",body:`
BEGIN
  RETURN jsonb_build_object('kind', 'table', 'name', relation::regclass::text,
    'columns', (
      SELECT jsonb_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attgenerated = '' THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
          ELSE format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid)) END,
        CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
        CASE WHEN a.attnotnull THEN 'NOT NULL' END) ORDER BY a.attnum)
      FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped),
    'constraints', (
      SELECT jsonb_object_agg(conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE conrelid = relation AND contype IN ('p', 'u', 'f', 'c', 'x')),
    'indexes', (
      SELECT jsonb_agg(pg_get_indexdef(i.indexrelid) ORDER BY i.indexrelid)
      FROM pg_index AS i WHERE i.indrelid = relation),
    'triggers', (
      SELECT jsonb_agg(pg_get_triggerdef(oid) ORDER BY oid)
      FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal));
END`},{signature:"move_table(relation oid)",returns:"text",comment:`Internal: puts a table into the archive under a name that is free, with its indexes and sequences, and
answers the name. What users point at it (views, foreign keys) keeps pointing at it.`,body:`
DECLARE
  name text := (SELECT relname FROM pg_class WHERE oid = relation);
  stored text := langfuse_rollout.free_name(name, '');
  part record;
BEGIN
  INSERT INTO langfuse_rollout.archived_tables (rollback_id, migration, relation, stored_as)
  VALUES (langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), relation::regclass::text,
    format('langfuse_rollout.%I', stored));
  FOR part IN
    SELECT conname FROM pg_constraint
    WHERE conrelid = relation AND contype = 'f' AND conparentid = 0 ORDER BY conname
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', relation::regclass, part.conname);
  END LOOP;
  -- Indexes and sequences move along, where an earlier rollback may have left their names.
  FOR part IN
    SELECT i.indexrelid AS id, 'INDEX' AS kind FROM pg_index AS i WHERE i.indrelid = relation
    UNION ALL
    SELECT d.objid, 'SEQUENCE' FROM pg_depend AS d JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.refobjid = relation AND d.deptype IN ('a', 'i')
    ORDER BY 1
  LOOP
    EXECUTE format('ALTER %s %s RENAME TO %I', part.kind, part.id::regclass,
      langfuse_rollout.free_name(stored, '_' || lower(part.kind)));
  END LOOP;
  EXECUTE format('ALTER TABLE %s RENAME TO %I', relation::regclass, stored);
  EXECUTE format('ALTER TABLE %s SET SCHEMA langfuse_rollout', relation::regclass);
  RETURN stored;
END`},{signature:"drop_table(relation text)",returns:"void",comment:`Drops a table that is empty and that nothing depends on; any other goes into the archive as it is.
How many rows it has is counted later (count_archived_tables), when no lock is held.`,body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  is_empty boolean;
BEGIN
  IF place IS NULL THEN RETURN; END IF;
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', place::regclass);
  PERFORM langfuse_rollout.note_definition(place::regclass::text, 'the table is dropped',
    langfuse_rollout.describe_table(place));
  EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', place::regclass) INTO is_empty;
  IF is_empty THEN
    BEGIN
      EXECUTE format('DROP TABLE %s', place::regclass);
      RETURN;
    EXCEPTION WHEN dependent_objects_still_exist THEN
      RAISE NOTICE '% is empty, but other objects depend on it: it is kept in the archive', place::regclass;
    END;
  END IF;
  PERFORM langfuse_rollout.move_table(place);
END`},{signature:"count_archived_tables()",returns:"void",comment:"Counts the rows of tables that were moved. Called when the contract transaction is over.",body:`
DECLARE
  stored record;
  counted bigint;
BEGIN
  FOR stored IN SELECT id, stored_as FROM langfuse_rollout.archived_tables WHERE rows IS NULL ORDER BY id LOOP
    CONTINUE WHEN to_regclass(stored.stored_as) IS NULL; -- someone has removed it since
    EXECUTE format('SELECT count(*) FROM %s', to_regclass(stored.stored_as)) INTO counted;
    UPDATE langfuse_rollout.archived_tables SET rows = counted WHERE id = stored.id;
  END LOOP;
END`},{signature:"move_enum(type oid)",returns:"void",comment:"Internal: puts an enum into the archive, where it goes on serving what still uses it.",body:`
DECLARE
  stored text := langfuse_rollout.free_name((SELECT typname FROM pg_type WHERE oid = type), '');
BEGIN
  EXECUTE format('ALTER TYPE %s RENAME TO %I', type::regtype, stored);
  EXECUTE format('ALTER TYPE %s SET SCHEMA langfuse_rollout', type::regtype);
END`},{signature:"drop_enum(type text)",returns:"void",comment:"Drops an enum; one that an archived table or something of a user still has goes into the archive.",body:`
DECLARE
  place oid := langfuse_rollout.type_named(type);
BEGIN
  IF place IS NULL THEN RETURN; END IF;
  PERFORM langfuse_rollout.note_definition(place::regtype::text, 'the enum is dropped',
    jsonb_build_object('kind', 'enum', 'labels', langfuse_rollout.labels_of(place)));
  EXECUTE format('DROP TYPE %s', place::regtype);
EXCEPTION WHEN dependent_objects_still_exist THEN
  RAISE NOTICE '% is still in use: it is kept in the archive', place::regtype;
  PERFORM langfuse_rollout.move_enum(place);
END`},{signature:"drop_view(name text)",returns:"void",comment:"Drops a view; its definition is kept.",body:`
DECLARE
  place oid := langfuse_rollout.relation_named(name, '{v,m}');
BEGIN
  IF place IS NULL THEN
    RAISE NOTICE 'there is no view public.%, nothing is done', quote_ident(name);
    RETURN;
  END IF;
  PERFORM langfuse_rollout.note_definition(place::regclass::text, 'the view is dropped',
    jsonb_build_object('kind', 'view', 'definition', pg_get_viewdef(place)));
  EXECUTE format('DROP %s %s',
    CASE (SELECT relkind FROM pg_class WHERE oid = place) WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END,
    place::regclass);
END`},{signature:"drop_index(name text)",returns:"void",comment:"Drops an index; its definition is kept.",body:`
DECLARE
  place oid := langfuse_rollout.relation_named(name, '{i,I}');
BEGIN
  IF place IS NULL THEN
    RAISE NOTICE 'there is no index public.%, nothing is done', quote_ident(name);
    RETURN;
  END IF;
  PERFORM langfuse_rollout.note_definition(
    (SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = place), format('the index %I is dropped', name::name),
    jsonb_build_object('kind', 'index', 'definition', pg_get_indexdef(place)));
  EXECUTE format('DROP INDEX %s', place::regclass);
END`},{signature:"drop_invalid_index(name text)",returns:"void",comment:"Drops what a CREATE INDEX CONCURRENTLY that was broken off has left; a valid index stays.",body:`
DECLARE
  place oid := langfuse_rollout.relation_named(name, '{i,I}');
BEGIN
  IF EXISTS (SELECT FROM pg_index WHERE indexrelid = place AND NOT indisvalid) THEN
    EXECUTE format('DROP INDEX %s', place::regclass);
  END IF;
END`},{signature:"drop_constraint(relation text, name text)",returns:"void",comment:"Drops a constraint; its definition is kept.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  found oid := (SELECT oid FROM pg_constraint WHERE conrelid = place AND conname = name::name);
BEGIN
  IF found IS NULL THEN
    RAISE NOTICE 'there is no constraint % on %, nothing is done', quote_ident(name), quote_ident(relation);
    RETURN;
  END IF;
  PERFORM langfuse_rollout.note_definition(place::regclass::text, format('the constraint %I is dropped', name::name),
    jsonb_build_object('kind', 'constraint', 'definition', pg_get_constraintdef(found)));
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', place::regclass, name::name);
END`}];var nn=[{signature:"enum_columns(types oid[])",returns:"TABLE (relation oid, number smallint, name text, is_array boolean)",comment:"Internal: the columns of an enum (first of types) or of its arrays (second), but for those in the archive.",body:`
BEGIN
  RETURN QUERY
  SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid = types[2]
  FROM pg_attribute AS a
  JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE a.atttypid = ANY (types) AND NOT a.attisdropped AND a.attinhcount = 0
    AND n.nspname <> 'langfuse_rollout' AND n.nspname !~ '^pg_temp'
  ORDER BY a.attrelid::regclass::text, a.attnum;
END`},{signature:"has_label(column_name text, is_array boolean, labels text[])",returns:"text",comment:"Internal: the condition that a column has one of the labels.",body:`
BEGIN
  RETURN format(CASE WHEN is_array THEN 'this.%I::text[] && %L::text[]' ELSE 'this.%I::text = ANY (%L::text[])' END,
    column_name, labels);
END`},{signature:"mapped_label(value text, type oid, going text[], replacements jsonb)",returns:"text",comment:"Internal: the SQL of value, which is SQL of the enum or of an array of it, as text with the labels mapped.",body:`
DECLARE
  is_array boolean := (SELECT typelem <> 0 FROM pg_type WHERE oid = type);
  mapped text := value || CASE WHEN is_array THEN '::text[]' ELSE '::text' END;
  label text;
BEGIN
  FOREACH label IN ARRAY going LOOP
    CONTINUE WHEN replacements ->> label IS NULL;
    mapped := CASE WHEN is_array THEN format('array_replace(%s, %L, %L)', mapped, label, replacements ->> label)
      ELSE format('CASE %s WHEN %L THEN %L ELSE %s END', value || '::text', label, replacements ->> label, mapped) END;
  END LOOP;
  RETURN mapped;
END`},{signature:"check_labels(type oid, labels text[], going text[], replacements jsonb)",returns:"void",comment:"Internal: an error for replacements that make no sense, and for a label in use that has none.",body:`
DECLARE
  wrong text := (
    SELECT string_agg(format('%s by %s', key, value), ', ') FROM jsonb_each_text(replacements)
    WHERE key = ANY (labels) OR value <> ALL (labels));
  bare text[] := ARRAY(SELECT label FROM unnest(going) AS label WHERE replacements ->> label IS NULL);
  found record;
  used bigint;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'labels of % cannot be replaced so: %', type::regtype, wrong
      USING HINT = 'A label that goes is replaced by one that the enum has afterwards.';
  END IF;
  IF bare = '{}' THEN RETURN; END IF;
  FOR found IN
    SELECT * FROM langfuse_rollout.enum_columns(ARRAY[type, (SELECT typarray FROM pg_type WHERE oid = type)])
  LOOP
    EXECUTE format('SELECT count(*) FROM %s AS this WHERE %s', found.relation::regclass,
      langfuse_rollout.has_label(found.name, found.is_array, bare)) INTO used;
    IF used > 0 THEN
      RAISE EXCEPTION '% rows of % have a label in % that goes and that nothing replaces (%)', used,
        found.relation::regclass, quote_ident(found.name), array_to_string(bare, ', ');
    END IF;
  END LOOP;
END`},{signature:"enum_views(types oid[])",returns:"TABLE (place integer, goes text, comes text[], is_optional boolean)",comment:`Internal: the views that use an enum, or that use such views. Each with the statement that drops it and
those that make it again as it is: its owner, rights, comment, indexes, rules and triggers.`,body:`
BEGIN
  RETURN QUERY
  WITH RECURSIVE dependent AS (
    SELECT r.ev_class AS id, 1 AS depth
    FROM pg_depend AS d JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types)
      OR d.refclassid = 'pg_class'::regclass AND EXISTS (
        SELECT FROM langfuse_rollout.enum_columns(types) AS c WHERE c.relation = d.refobjid AND c.number = d.refobjsubid)
    UNION
    SELECT r.ev_class, dependent.depth + 1
    FROM dependent
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = dependent.id
    JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND r.ev_class <> dependent.id
  ), view AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relowner, c.relacl, c.reloptions, far.depth, c.relispopulated,
      CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind
    FROM (SELECT id, max(dependent.depth)::integer AS depth FROM dependent GROUP BY id) AS far
    JOIN pg_class AS c ON c.oid = far.id AND c.relkind IN ('v', 'm')
  )
  SELECT 100 - view.depth, format('DROP %s %s', view.kind, view.name),
    ARRAY[format('CREATE %s %s%s AS %s%s', view.kind, view.name,
      ' WITH (' || array_to_string(view.reloptions, ', ') || ')', rtrim(pg_get_viewdef(view.oid), ';'),
      CASE WHEN NOT view.relispopulated THEN ' WITH NO DATA' END)]
    || CASE WHEN pg_get_userbyid(view.relowner) <> current_user
      THEN ARRAY[format('ALTER %s %s OWNER TO %I', view.kind, view.name, pg_get_userbyid(view.relowner))] END
    || ARRAY(
      SELECT format('GRANT %s ON %s TO %s%s', g.privilege_type, view.name,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END)
      FROM aclexplode(view.relacl) AS g WHERE g.grantee <> view.relowner)
    || CASE WHEN obj_description(view.oid, 'pg_class') IS NOT NULL
      THEN ARRAY[format('COMMENT ON %s %s IS %L', view.kind, view.name, obj_description(view.oid, 'pg_class'))] END
    || ARRAY(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i WHERE i.indrelid = view.oid ORDER BY i.indexrelid)
    || ARRAY(SELECT pg_get_ruledef(r.oid) FROM pg_rewrite AS r WHERE r.ev_class = view.oid AND r.rulename <> '_RETURN')
    || ARRAY(SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t WHERE t.tgrelid = view.oid AND NOT t.tgisinternal),
    false
  FROM view;
END`},{signature:"enum_dependents(types oid[])",returns:"TABLE (place integer, goes text, comes text[], is_optional boolean)",comment:`Internal: what on tables stands in the way of a new type, since it mentions the old one: triggers, foreign
keys, checks, and indexes with a condition or an expression. Those that are optional may name a label that goes, and
then cannot come back.`,body:`
BEGIN
  RETURN QUERY
  SELECT 101, format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass),
    ARRAY[pg_get_triggerdef(t.oid)] || CASE WHEN t.tgenabled <> 'O' THEN ARRAY[format('ALTER TABLE %s %s TRIGGER %I',
      t.tgrelid::regclass, CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
      t.tgname)] END,
    false
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid AND c.relkind IN ('r', 'p')
  WHERE NOT t.tgisinternal AND EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
      AND (d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types)
        OR d.refclassid = 'pg_class'::regclass AND EXISTS (
          SELECT FROM langfuse_rollout.enum_columns(types) AS e
          WHERE e.relation = d.refobjid AND e.number = d.refobjsubid)))
  UNION ALL
  SELECT CASE c.contype WHEN 'f' THEN 102 ELSE 103 END,
    format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
    ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))],
    c.contype <> 'f'
  FROM pg_constraint AS c
  WHERE c.conrelid <> 0 AND c.conparentid = 0 AND (
    c.contype = 'f' AND EXISTS (
      SELECT FROM langfuse_rollout.enum_columns(types) AS e
      WHERE e.relation = c.conrelid AND e.number = ANY (c.conkey))
    OR c.contype IN ('c', 'x') AND c.coninhcount = 0 AND EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types)
        AND (d.classid = 'pg_constraint'::regclass AND d.objid = c.oid
          OR d.classid = 'pg_class'::regclass AND d.objid = c.conindid)))
  UNION ALL
  -- The definition of a partitioned index leaves those of the partitions out (ONLY), but they go with it.
  SELECT 104, format('DROP INDEX %s', i.indexrelid::regclass), ARRAY[replace(pg_get_indexdef(i.indexrelid),
    format('INDEX %I ON ONLY ', x.relname), format('INDEX %I ON ', x.relname))], true
  FROM pg_index AS i
  JOIN pg_class AS x ON x.oid = i.indexrelid
  JOIN pg_class AS c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p')
  WHERE EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
        AND d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types))
    AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    AND NOT EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = i.indexrelid);
END`},{signature:"enum_defaults(types oid[], going text[], replacements jsonb)",returns:"TABLE (place integer, goes text, comes text[], is_optional boolean)",comment:"Internal: defaults that mention an enum, with labels that go replaced.",body:`
DECLARE
  found record;
  mapped text;
BEGIN
  FOR found IN
    SELECT a.attrelid, a.attname, a.atttypid, pg_get_expr(d.adbin, d.adrelid) AS expression
    FROM pg_attrdef AS d
    JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
    JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname <> 'langfuse_rollout'
    WHERE a.atttypid = ANY (types) OR EXISTS (
      SELECT FROM pg_depend AS p WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
        AND p.refclassid = 'pg_type'::regclass AND p.refobjid = ANY (types))
  LOOP
    IF found.atttypid = ANY (types) AND EXISTS (
      SELECT FROM unnest(going) AS label WHERE strpos(found.expression, label) > 0
    ) THEN
      EXECUTE 'SELECT (' || langfuse_rollout.mapped_label('(' || found.expression || ')', found.atttypid, going,
        replacements) || ')::text' INTO mapped;
      found.expression := format('%L::%s', mapped, found.atttypid::regtype);
    END IF;
    place := 105;
    goes := format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', found.attrelid::regclass, found.attname);
    comes := ARRAY[format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', found.attrelid::regclass, found.attname,
      found.expression)];
    is_optional := false;
    RETURN NEXT;
  END LOOP;
END`},{signature:"make_again(statement text, type text, is_optional boolean)",returns:"void",comment:"Internal: runs a statement; one that is optional is only kept when it names a label that is gone.",body:`
BEGIN
  EXECUTE statement;
EXCEPTION WHEN invalid_text_representation THEN
  IF NOT is_optional THEN
    RAISE EXCEPTION '%, which is used by: %', SQLERRM, statement
      USING ERRCODE = 'invalid_text_representation', HINT = 'Drop it, and start again.';
  END IF;
  RAISE WARNING 'not made again, since % (its definition is in the archive): %', SQLERRM, statement;
  PERFORM langfuse_rollout.note_definition(type, SQLERRM, jsonb_build_object('kind', 'statement', 'definition', statement));
END`},{signature:"rebuild_enum(type text, labels text[], replacements jsonb DEFAULT '{}')",returns:"void",comment:`Gives an enum exactly these labels in this order. Values with a label that goes are archived and replaced.
Everything that uses the type gets the new one: columns, arrays, defaults, indexes, checks, keys, triggers, views.
What cannot (a domain, a function, a table in the archive) keeps the old type, which then lives in the archive.
A user's index or check that names a label which goes is only kept as a definition.`,body:`
DECLARE
  old oid := langfuse_rollout.type_named(type);
  types oid[] := ARRAY[old, (SELECT typarray FROM pg_type WHERE oid = old)];
  before text[] := langfuse_rollout.labels_of(old);
  going text[] := ARRAY(SELECT label FROM unnest(before) AS label WHERE label <> ALL (labels));
  new text := format('public.%I', type::name);
  dependents jsonb;
  tables text;
  found record;
  statement text;
BEGIN
  IF old IS NULL OR before = labels THEN RETURN; END IF;
  SELECT string_agg(DISTINCT e.relation::regclass::text, ', ') INTO tables FROM langfuse_rollout.enum_columns(types) AS e;
  IF tables IS NOT NULL THEN EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', tables); END IF;
  PERFORM langfuse_rollout.check_labels(old, labels, going, replacements);
  PERFORM langfuse_rollout.note_definition(old::regtype::text, 'the enum gets other labels',
    jsonb_build_object('kind', 'enum', 'labels', before));
  PERFORM langfuse_rollout.archive_matching(e.relation, langfuse_rollout.has_label(e.name, e.is_array, going),
    format('the label in %I is replaced', e.name), ARRAY[e.name], true,
    format('jsonb_build_object(%L, %s)', e.name, langfuse_rollout.mapped_label(format('this.%I', e.name),
      types[CASE WHEN e.is_array THEN 2 ELSE 1 END], going, replacements)))
  FROM langfuse_rollout.enum_columns(types) AS e WHERE going <> '{}';

  SELECT coalesce(jsonb_agg(to_jsonb(d.*) ORDER BY d.place, d.goes), '[]') INTO dependents
  FROM (
    SELECT * FROM langfuse_rollout.enum_views(types)
    UNION ALL SELECT * FROM langfuse_rollout.enum_dependents(types)
    UNION ALL SELECT * FROM langfuse_rollout.enum_defaults(types, going, replacements)
  ) AS d;
  FOR statement IN SELECT d ->> 'goes' FROM jsonb_array_elements(dependents) AS d LOOP
    EXECUTE statement;
  END LOOP;

  EXECUTE format('ALTER TYPE %s RENAME TO %I', old::regtype, langfuse_rollout.free_name(type, ''));
  EXECUTE format('CREATE TYPE %s AS ENUM (%s)', new,
    (SELECT string_agg(quote_literal(label), ', ' ORDER BY n) FROM unnest(labels) WITH ORDINALITY AS l (label, n)));
  FOR found IN
    -- A new type is everybody's to use.
    SELECT 1 AS place, format('REVOKE ALL ON TYPE %s FROM PUBLIC', new) AS statement
    FROM pg_type AS t WHERE t.oid = old AND t.typacl IS NOT NULL
    UNION ALL
    SELECT 2, format('GRANT USAGE ON TYPE %s TO %s', new,
      CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END)
    FROM pg_type AS t, aclexplode(t.typacl) AS g WHERE t.oid = old AND g.grantee <> t.typowner
    UNION ALL
    SELECT 3, format('ALTER TYPE %s OWNER TO %I', new, pg_get_userbyid(t.typowner))
    FROM pg_type AS t WHERE t.oid = old AND pg_get_userbyid(t.typowner) <> current_user
    UNION ALL
    SELECT 4, format('ALTER TABLE %s %s', e.relation::regclass, string_agg(format('ALTER COLUMN %I TYPE %s USING (%s)::%s',
      e.name, new || e.brackets, langfuse_rollout.mapped_label(quote_ident(e.name), e.type, going, replacements),
      new || e.brackets), ', ' ORDER BY e.number))
    FROM (
      SELECT c.*, CASE WHEN c.is_array THEN '[]' ELSE '' END AS brackets, types[CASE WHEN c.is_array THEN 2 ELSE 1 END] AS type
      FROM langfuse_rollout.enum_columns(types) AS c
    ) AS e
    GROUP BY e.relation
    ORDER BY place
  LOOP
    EXECUTE found.statement;
  END LOOP;

  FOR found IN
    SELECT s.statement, (d.value ->> 'is_optional')::boolean AS is_optional
    FROM jsonb_array_elements(dependents) WITH ORDINALITY AS d (value, n),
      jsonb_array_elements_text(d.value -> 'comes') WITH ORDINALITY AS s (statement, n)
    ORDER BY d.n DESC, s.n
  LOOP
    PERFORM langfuse_rollout.make_again(found.statement, new, found.is_optional);
  END LOOP;
  BEGIN
    EXECUTE format('DROP TYPE %s', old::regtype);
  EXCEPTION WHEN dependent_objects_still_exist THEN
    EXECUTE format('ALTER TYPE %s SET SCHEMA langfuse_rollout', old::regtype); -- its name is free there too
  END;
END`}];var rn=[{signature:"setting(name text)",returns:"text",comment:"Internal: rollback_id or migration.",body:`
DECLARE
  found text := current_setting('langfuse_rollout.' || name, true);
BEGIN
  IF coalesce(found, '') = '' THEN
    RAISE EXCEPTION 'langfuse_rollout.% is not set', name
      USING HINT = 'Down SQL is run by a rollback, which sets langfuse_rollout.rollback_id and .migration first.';
  END IF;
  RETURN found;
END`},{signature:'relation_named(name text, kinds "char"[])',returns:"oid",comment:"Internal: the relation of public, or NULL. The cast cuts a name to 63 bytes, as PostgreSQL does.",body:`
BEGIN
  RETURN (
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname = name::name AND c.relkind = ANY (kinds)
  );
END`},{signature:"table_named(name text)",returns:"oid",comment:"Internal: the table of public; a NOTICE and NULL when it is not there.",body:`
DECLARE
  found oid := langfuse_rollout.relation_named(name, '{r,p}');
BEGIN
  IF found IS NULL THEN RAISE NOTICE 'there is no table public.%, nothing is done', quote_ident(name); END IF;
  RETURN found;
END`},{signature:"column_named(relation oid, name text)",returns:"smallint",comment:"Internal: the number of the column; NULL, and a NOTICE unless its table is missing, when it is not there.",body:`
DECLARE
  found smallint := (
    SELECT attnum FROM pg_attribute
    WHERE attrelid = relation AND attname = name::name AND attnum > 0 AND NOT attisdropped
  );
BEGIN
  IF found IS NULL AND relation IS NOT NULL THEN
    RAISE NOTICE 'there is no column % in %, nothing is done', quote_ident(name), relation::regclass;
  END IF;
  RETURN found;
END`},{signature:"type_named(name text)",returns:"oid",comment:"Internal: the enum of public; a NOTICE and NULL when it is not there.",body:`
DECLARE
  found oid := (
    SELECT t.oid FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname = 'public' AND t.typname = name::name AND t.typtype = 'e'
  );
BEGIN
  IF found IS NULL THEN RAISE NOTICE 'there is no enum public.%, nothing is done', quote_ident(name); END IF;
  RETURN found;
END`},{signature:"labels_of(type oid)",returns:"text[]",comment:"Internal: the labels of an enum in their order.",body:`
BEGIN
  RETURN (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = type);
END`},{signature:"primary_key(relation oid)",returns:"text[]",comment:"Internal: the columns of the primary key, or NULL.",body:`
BEGIN
  RETURN (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = relation AND i.indisprimary
  );
END`},{signature:"free_name(wanted text, suffix text)",returns:"text",comment:"Internal: wanted, a number and the suffix, as a name that neither public nor langfuse_rollout has.",body:`
DECLARE
  stem text := wanted::name;
  candidate text;
BEGIN
  FOR number IN 1 .. 1000000 LOOP
    -- PostgreSQL puts another _ before the name of its array type, and cuts at 63 bytes.
    WHILE octet_length(stem || '_' || number || suffix) > 62 LOOP
      stem := left(stem, -1);
    END LOOP;
    candidate := stem || '_' || number || suffix;
    IF NOT EXISTS (
      SELECT FROM pg_namespace AS n
      WHERE n.nspname IN ('public', 'langfuse_rollout') AND (
        EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = candidate)
        OR EXISTS (SELECT FROM pg_type AS t
          WHERE t.typnamespace = n.oid AND t.typname IN (candidate, '_' || candidate))
      )
    ) THEN
      RETURN candidate;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'there is no free name for % in the archive', wanted;
END`}];var sn=[{signature:"restore(rollback_id text, migrations text[] DEFAULT NULL)",returns:"TABLE (relation text, kind text, found bigint, restored bigint, skipped bigint, why text)",comment:`Puts back what a rollback archived under migrations that are applied again, or under those given. Nothing
that was written since is changed, nothing leaves the archive, and what is back is not put back a second time.`,body:`
DECLARE
  before bigint := -1;
  done bigint := 0;
BEGIN
  PERFORM langfuse_rollout.check_rollback(rollback_id);
  PERFORM pg_advisory_xact_lock(hashtextextended('langfuse_rollout.restore', 0));
  migrations := coalesce(migrations, langfuse_rollout.applied_migrations());
  -- A row may have to wait for another one that its foreign key refers to.
  WHILE done > before LOOP
    before := done;
    PERFORM langfuse_rollout.restore_tables(rollback_id, migrations);
    PERFORM langfuse_rollout.restore_rows(rollback_id, migrations);
    done := (SELECT coalesce(sum(r.restored), 0) FROM langfuse_rollout.restore_report(rollback_id) AS r);
  END LOOP;
  RETURN QUERY SELECT * FROM langfuse_rollout.restore_report(rollback_id);
END`},{signature:"drop_archive(rollback_id text, even_what_is_not_back boolean DEFAULT false)",returns:"void",comment:"Removes what a rollback archived, for good. What is not back has to be named as not wanted.",body:`
DECLARE
  missed bigint;
  stored record;
BEGIN
  PERFORM langfuse_rollout.check_rollback(rollback_id);
  SELECT sum(r.skipped) INTO missed FROM langfuse_rollout.restore_report(rollback_id) AS r;
  IF missed > 0 AND NOT even_what_is_not_back THEN
    RAISE EXCEPTION '% rows and values of the archive % are not back', missed, rollback_id
      USING HINT = format('Look at SELECT * FROM langfuse_rollout.restore(%L); to remove all the same: '
        'SELECT langfuse_rollout.drop_archive(%L, true)', rollback_id, rollback_id);
  END IF;
  FOR stored IN
    SELECT t.stored_as FROM langfuse_rollout.archived_tables AS t
    WHERE t.rollback_id = drop_archive.rollback_id AND to_regclass(t.stored_as) IS NOT NULL ORDER BY t.id
  LOOP
    EXECUTE format('DROP TABLE %s', to_regclass(stored.stored_as));
  END LOOP;
  DELETE FROM langfuse_rollout.archived_tables AS t WHERE t.rollback_id = drop_archive.rollback_id;
  DELETE FROM langfuse_rollout.archived_columns AS c WHERE c.rollback_id = drop_archive.rollback_id;
  DELETE FROM langfuse_rollout.archived_rows AS a WHERE a.rollback_id = drop_archive.rollback_id;
END`},{signature:"check_rollback(rollback_id text)",returns:"void",comment:"Internal: an error that names the rollbacks there are, when this is none.",body:`
DECLARE
  known text[] := ARRAY(
    SELECT a.rollback_id FROM langfuse_rollout.archived_rows AS a
    UNION SELECT t.rollback_id FROM langfuse_rollout.archived_tables AS t
    UNION SELECT c.rollback_id FROM langfuse_rollout.archived_columns AS c ORDER BY 1);
BEGIN
  IF rollback_id = ANY (known) THEN RETURN; END IF;
  RAISE EXCEPTION 'the archive has nothing of a rollback %', coalesce(quote_literal(rollback_id), 'without an id')
    USING HINT = 'It has: ' || coalesce(nullif(array_to_string(known, ', '), ''), 'nothing');
END`},{signature:"applied_migrations()",returns:"text[]",comment:`Internal: what Prisma has applied. As long as a migration is undone, the release that runs does not know
what its undoing has archived.`,body:`
BEGIN
  RETURN ARRAY(SELECT m.migration_name::text FROM public._prisma_migrations AS m
    WHERE m.finished_at IS NOT NULL AND m.rolled_back_at IS NULL);
EXCEPTION WHEN undefined_table THEN
  RAISE EXCEPTION 'public._prisma_migrations is not there: this is not the database of a Langfuse that has been upgraded';
END`},{signature:"is_back(outcome text)",returns:"boolean",comment:"Internal: whether nothing is to be done any more.",body:`
BEGIN
  RETURN coalesce(outcome LIKE 'restored%' OR outcome LIKE 'already there%', false);
END`},{signature:"dropped_column(rollback_id text, relation text, reason text)",returns:"text",comment:"Internal: the column whose dropping archived a row with this reason, or NULL.",body:`
BEGIN
  RETURN (
    SELECT c.column_name FROM langfuse_rollout.archived_columns AS c
    WHERE c.rollback_id = dropped_column.rollback_id AND c.relation = dropped_column.relation
      AND dropped_column.reason = format('the column %I is dropped', c.column_name)
    LIMIT 1
  );
END`},{signature:"restore_report(rollback_id text)",returns:"TABLE (relation text, kind text, found bigint, restored bigint, skipped bigint, why text)",comment:"What restore has done so far, and why not more.",body:`
DECLARE
  stored record;
  entries bigint; -- found is PL/pgSQL's own
  back bigint;
  reasons text;
  counted text := $sql$
    SELECT sum(o.number)::bigint, coalesce(sum(o.number) FILTER (WHERE langfuse_rollout.is_back(o.outcome)), 0)::bigint,
      string_agg(format('%%s: %%s', o.number, coalesce(o.outcome, 'not tried')), '; ' ORDER BY o.number DESC, o.outcome)
        FILTER (WHERE o.outcome IS DISTINCT FROM 'restored')
    FROM (SELECT a.%1$I AS outcome, count(*) AS number FROM %2$s AS a WHERE %3$s GROUP BY 1) AS o$sql$;
BEGIN
  FOR stored IN
    SELECT t.relation, t.stored_as, t.rows, to_regclass(t.stored_as) AS place FROM langfuse_rollout.archived_tables AS t
    WHERE t.rollback_id = restore_report.rollback_id ORDER BY t.id DESC
  LOOP
    IF stored.place IS NULL THEN
      entries := stored.rows; back := 0; reasons := stored.stored_as || ' is not there any more';
    ELSIF langfuse_rollout.has_outcome(stored.place) THEN
      EXECUTE format(counted, 'langfuse_rollout_outcome', stored.place, 'true') INTO entries, back, reasons;
    ELSE
      EXECUTE format('SELECT count(*) FROM %s', stored.place) INTO entries;
      back := 0; reasons := 'not tried: its migration is not applied, or there is no such table';
    END IF;
    RETURN QUERY SELECT stored.relation, 'table', coalesce(entries, 0), coalesce(back, 0),
      coalesce(entries, 0) - coalesce(back, 0), reasons;
  END LOOP;
  FOR stored IN
    SELECT u.relation, u.label, array_agg(u.id) AS ids FROM (
      SELECT a.id, a.relation, CASE
        WHEN a.kind = 'definition' THEN 'definition'
        WHEN g.column_name IS NOT NULL THEN 'column ' || g.column_name
        WHEN a.kind = 'values' THEN 'label'
        WHEN a.written IS NOT NULL THEN 'rewritten row' ELSE 'deleted row' END AS label
      FROM langfuse_rollout.archived_rows AS a
      JOIN (
        SELECT r.relation, r.reason, langfuse_rollout.dropped_column(restore_report.rollback_id, r.relation, r.reason) AS column_name
        FROM (SELECT DISTINCT b.relation, b.reason FROM langfuse_rollout.archived_rows AS b
          WHERE b.rollback_id = restore_report.rollback_id) AS r
      ) AS g ON g.relation = a.relation AND g.reason = a.reason
      WHERE a.rollback_id = restore_report.rollback_id
        -- The upgrade makes again what is Langfuse's own.
        AND (a.kind <> 'definition' OR a.row ->> 'kind' = 'statement')
    ) AS u
    GROUP BY 1, 2 ORDER BY 1, 2
  LOOP
    EXECUTE format(counted, 'outcome', 'langfuse_rollout.archived_rows', 'a.id = ANY ($1)')
    INTO entries, back, reasons USING stored.ids;
    IF stored.label = 'definition' THEN reasons := entries || ': to be made again by hand, in another form'; END IF;
    RETURN QUERY SELECT stored.relation, stored.label, entries, back, entries - back, reasons;
  END LOOP;
END`},{signature:"has_outcome(relation oid)",returns:"boolean",comment:"Internal: whether a table of the archive has the column in which restore notes what became of a row.",body:`
BEGIN
  RETURN EXISTS (SELECT FROM pg_attribute AS a
    WHERE a.attrelid = relation AND a.attname = 'langfuse_rollout_outcome' AND NOT a.attisdropped);
END`},{signature:"current_name(rollback_id text, relation text, name text)",returns:"text",comment:"Internal: what a column of the archive is called since the upgrade.",body:`
BEGIN
  RETURN coalesce((
    SELECT a.row ->> 'old' FROM langfuse_rollout.archived_rows AS a
    WHERE a.rollback_id = current_name.rollback_id AND a.relation = current_name.relation
      AND a.kind = 'definition' AND a.row ->> 'kind' = 'renamed column' AND a.row ->> 'new' = current_name.name
    ORDER BY a.id LIMIT 1), name);
END`},{signature:"restore_tables(rollback_id text, migrations text[])",returns:"void",comment:"Internal: copies the rows of tables that were moved into the tables that are there again; last moved first.",body:`
DECLARE
  stored record;
  places text[];
BEGIN
  FOR stored IN
    SELECT t.relation, to_regclass(t.stored_as) AS place, to_regclass(t.relation) AS target
    FROM langfuse_rollout.archived_tables AS t
    WHERE t.rollback_id = restore_tables.rollback_id AND t.migration = ANY (migrations)
      AND to_regclass(t.stored_as) IS NOT NULL AND to_regclass(t.relation) IS NOT NULL
    ORDER BY t.id DESC
  LOOP
    IF NOT langfuse_rollout.has_outcome(stored.place) THEN
      EXECUTE format('ALTER TABLE %s ADD COLUMN langfuse_rollout_outcome text', stored.place);
    END IF;
    EXECUTE format($sql$SELECT array_agg(a.ctid::text) FROM %s AS a
      WHERE (a.langfuse_rollout_outcome ~ '^(restored|already there)') IS NOT TRUE$sql$, stored.place) INTO places;
    PERFORM langfuse_rollout.restore_some(
      langfuse_rollout.inserts_of_table(rollback_id, stored.relation, stored.place, stored.target), places,
      format('UPDATE %s AS a SET langfuse_rollout_outcome = $2 WHERE a.ctid = ANY ($1::tid[])', stored.place));
  END LOOP;
END`},{signature:"restore_rows(rollback_id text, migrations text[])",returns:"void",comment:`Internal: deleted and rewritten rows, and values of columns: those first that were archived last, so that
each meets the table as its undoing left it.`,body:`
DECLARE
  part record;
  target regclass;
  statements text[];
  problem text;
BEGIN
  FOR part IN
    SELECT a.relation, a.migration, a.reason, a.kind, a.written IS NOT NULL AS is_rewritten,
      ARRAY(SELECT k FROM jsonb_object_keys(a.row) AS k ORDER BY 1) AS keys,
      ARRAY(SELECT k FROM jsonb_object_keys(coalesce(a.written, '{}')) AS k ORDER BY 1) AS changed,
      array_agg(a.id::text ORDER BY a.id) AS places
    FROM langfuse_rollout.archived_rows AS a
    WHERE a.rollback_id = restore_rows.rollback_id AND a.kind <> 'definition' AND (a.outcome ~ '^(restored|already there)') IS NOT TRUE -- is_back, which takes its time
    GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY max(a.id) DESC
  LOOP
    target := to_regclass(part.relation);
    statements := NULL;
    problem := NULL;
    IF part.migration <> ALL (migrations) THEN
      problem := format('%s is not applied again', part.migration);
    ELSIF target IS NULL THEN
      problem := 'there is no such table';
    ELSE
      SELECT p.statements, p.problem INTO statements, problem
      FROM langfuse_rollout.plan_of_rows(rollback_id, part.relation, target, part.reason, part.kind, part.is_rewritten,
        part.keys, part.changed) AS p;
    END IF;
    PERFORM langfuse_rollout.restore_some(coalesce(statements, ARRAY['SELECT 1']), part.places,
      'UPDATE langfuse_rollout.archived_rows AS a SET outcome = $2 WHERE a.id = ANY ($1::bigint[])', problem);
  END LOOP;
END`},{signature:"plan_of_rows(rollback_id text, relation text, target oid, reason text, kind text, is_rewritten boolean, keys text[], changed text[])",returns:"TABLE (statements text[], problem text)",comment:"Internal: the SQL that restores rows that were archived alike, or why there is none.",body:`
DECLARE
  going text := langfuse_rollout.dropped_column(rollback_id, relation, reason);
  -- What an older release does not have tells its rows from each other only when it is back.
  fixed text[] := ARRAY(
    SELECT k FROM unnest(CASE WHEN kind = 'values' THEN keys ELSE langfuse_rollout.primary_key(target) END) AS k
    WHERE k = ANY (keys) AND k IS DISTINCT FROM going
      AND (kind <> 'values' OR going IS NOT NULL OR k <> ALL (changed))
      AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname = k AND NOT a.attisdropped)
      AND NOT EXISTS (SELECT FROM langfuse_rollout.archived_columns AS c
        WHERE c.rollback_id = plan_of_rows.rollback_id AND c.relation = plan_of_rows.relation AND c.column_name = k
          AND NOT EXISTS (SELECT FROM langfuse_rollout.archived_rows AS r
            WHERE r.rollback_id = c.rollback_id AND r.migration = c.migration AND r.relation = c.relation
              AND r.reason = format('the column %I is dropped', k) AND langfuse_rollout.is_back(r.outcome))));
  wanted text[] := ARRAY(
    SELECT k FROM unnest(CASE WHEN going IS NOT NULL THEN ARRAY[going] ELSE changed END) AS k
    JOIN pg_attribute AS a ON a.attrelid = target
      AND a.attname = langfuse_rollout.current_name(rollback_id, relation, k) AND NOT a.attisdropped AND a.attgenerated = '');
BEGIN
  IF going IS NULL AND NOT is_rewritten AND kind = 'row' THEN
    statements := langfuse_rollout.inserts_of_rows(rollback_id, relation, target, keys);
  ELSIF going IS NULL AND NOT is_rewritten THEN
    problem := 'what the rollback wrote in its place is not known';
  ELSIF is_rewritten AND changed = '{}' THEN
    problem := 'already there: nothing of it had changed';
  ELSIF wanted = '{}' THEN
    problem := 'the table has no such column, or computes it';
  ELSIF fixed = '{}' THEN
    problem := 'nothing tells its row from others';
  ELSE
    statements := ARRAY[langfuse_rollout.update_of_rows(rollback_id, relation, target, fixed, wanted, going IS NOT NULL)];
  END IF;
  RETURN NEXT;
END`},{signature:"restore_some(statements text[], places text[], note text, problem text DEFAULT NULL)",returns:"void",comment:`Internal: runs statements for rows at places; when one is refused, for each half of them, until it is known
which rows the table does not take, and why. note writes the outcome of rows.`,body:`
DECLARE
  statement text;
  half integer := cardinality(places) / 2;
BEGIN
  IF coalesce(cardinality(places), 0) = 0 THEN RETURN; END IF;
  IF problem IS NOT NULL THEN
    EXECUTE note USING places, problem;
    RETURN;
  END IF;
  IF cardinality(places) > 1000 THEN -- so that one row that is refused does not stop many
    FOR number IN 0 .. (cardinality(places) - 1) / 1000 LOOP
      PERFORM langfuse_rollout.restore_some(statements, places[number * 1000 + 1 : number * 1000 + 1000], note);
    END LOOP;
    RETURN;
  END IF;
  BEGIN
    FOREACH statement IN ARRAY statements LOOP
      EXECUTE statement USING places;
    END LOOP;
    RETURN;
  EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception OR cannot_coerce
    OR datatype_mismatch OR program_limit_exceeded OR undefined_column THEN
    problem := SQLERRM;
  END;
  IF half = 0 THEN
    EXECUTE note USING places, problem;
    RETURN;
  END IF;
  PERFORM langfuse_rollout.restore_some(statements, places[:half], note);
  PERFORM langfuse_rollout.restore_some(statements, places[half + 1:], note);
END`}];var on=[{signature:"archived_value(target oid, column_name text, source text, key text, has_null boolean DEFAULT false)",returns:"text",comment:`Internal: the SQL of a value that the jsonb source has under key, as the type that the column has now.
A NULL of a jsonb column cannot be told from a null in it: it is NULL wherever the column can be, but for has_null.`,body:`
BEGIN
  RETURN (
    SELECT CASE
      WHEN a.atttypid = 'jsonb'::regtype THEN format(
        CASE WHEN a.attnotnull OR has_null THEN '(%s -> %L)' ELSE '(CASE WHEN jsonb_typeof(%1$s -> %2$L) <> ''null'' THEN %1$s -> %2$L END)' END,
        source, key)
      WHEN t.typcategory = 'A' THEN format('(jsonb_populate_record(NULL::%s, jsonb_build_object(%L, %s -> %L))).%I',
        target::regclass, a.attname, source, key, a.attname)
      ELSE format('(%s ->> %L)::%s', source, key, format_type(a.atttypid, NULL)) END
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = target AND a.attname = column_name
  );
END`},{signature:"untouched_value(target oid, column_name text)",returns:"text",comment:`Internal: the SQL of the text that a column has where nobody has written it, or NULL where that cannot be
known. now() was computed once, when the column was added, and PostgreSQL keeps it for the rows that were there.`,body:`
BEGIN
  RETURN (
    SELECT CASE
      WHEN d.adbin IS NULL THEN 'NULL::text'
      WHEN regexp_replace(e.sql, '''[^'']*''', '', 'g') !~ '\\w\\(|CURRENT_|LOCAL|SESSION_|USER' THEN format('(%s)::text', e.sql)
      WHEN a.atthasmissing THEN format('%L::text', (a.attmissingval::text::text[])[1])
    END
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid) AS sql) AS e ON true
    WHERE a.attrelid = target AND a.attname = column_name
  );
END`},{signature:"inserts_of_table(rollback_id text, relation text, stored oid, target oid)",returns:"text[]",comment:`Internal: copies the columns that both tables have. One that the new table demands and that was dropped
before the table was moved comes out of the archive's values.`,body:`
DECLARE
  key text[] := coalesce(langfuse_rollout.primary_key(stored), '{}');
  names text[];
  sources text[];
BEGIN
  SELECT array_agg(to_column.attname::text ORDER BY to_column.attnum), array_agg(CASE
    WHEN from_column.attname IS NULL THEN format(
      '(SELECT %s FROM langfuse_rollout.archived_rows AS v WHERE v.rollback_id = %L AND v.relation = %L AND v.reason = %L AND %s ORDER BY v.id DESC LIMIT 1)',
      langfuse_rollout.archived_value(target, to_column.attname, 'v.row', to_column.attname),
      rollback_id, relation, format('the column %I is dropped', to_column.attname),
      (SELECT string_agg(format('v.row ->> %L = a.%I::text', k, k), ' AND ') FROM unnest(key) AS k))
    WHEN from_column.atttypid = to_column.atttypid THEN format('a.%I', from_column.attname)
    ELSE format('a.%I::text::%s', from_column.attname, format_type(to_column.atttypid, NULL)) END ORDER BY to_column.attnum)
  INTO names, sources
  FROM pg_attribute AS to_column
  LEFT JOIN pg_attribute AS from_column ON from_column.attrelid = stored AND from_column.attnum > 0
    AND NOT from_column.attisdropped
    AND langfuse_rollout.current_name(rollback_id, relation, from_column.attname) = to_column.attname
  WHERE to_column.attrelid = target AND to_column.attnum > 0 AND NOT to_column.attisdropped
    AND to_column.attgenerated = ''
    AND (from_column.attname IS NOT NULL OR key <> '{}' AND to_column.attnotnull AND NOT to_column.atthasdef
      AND EXISTS (SELECT FROM langfuse_rollout.archived_columns AS c WHERE c.rollback_id = inserts_of_table.rollback_id
        AND c.relation = inserts_of_table.relation AND c.column_name = to_column.attname));
  RETURN langfuse_rollout.inserts(target, stored::regclass::text, 'ctid', 'langfuse_rollout_outcome', names, sources, '''restored''');
END`},{signature:"inserts_of_rows(rollback_id text, relation text, target oid, keys text[])",returns:"text[]",comment:"Internal: inserts rows that were deleted; what the table has no column for is told.",body:`
DECLARE
  names text[];
  sources text[];
  without text;
BEGIN
  SELECT array_agg(a.attname::text ORDER BY a.attnum),
    array_agg(langfuse_rollout.archived_value(target, a.attname, 'a.row', k) ORDER BY a.attnum)
  INTO names, sources
  FROM unnest(keys) AS k
  JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = langfuse_rollout.current_name(rollback_id, relation, k)
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
  SELECT string_agg(format('CASE WHEN a.row -> %L <> ''null'' THEN %L END', k, k), ', ')
  INTO without
  FROM unnest(keys) AS k
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND NOT a.attisdropped
      AND a.attname = langfuse_rollout.current_name(rollback_id, relation, k));
  RETURN langfuse_rollout.inserts(target, 'langfuse_rollout.archived_rows', 'id', 'outcome', names, sources,
    format($sql$concat('restored', ' without ' || nullif(concat_ws(', ', %s), ''))$sql$, coalesce(without, 'NULL')));
END`},{signature:"inserts(target oid, source text, place text, outcome text, names text[], sources text[], restored text)",returns:"text[]",comment:`Internal: first the statement that notes which rows are there already, known by the primary key or, in a
table in which nothing is unique, by all that they have; then the one that inserts the others.`,body:`
DECLARE
  key text[] := langfuse_rollout.primary_key(target);
  is_loose boolean := NOT EXISTS (SELECT FROM pg_index WHERE indrelid = target AND indisunique);
  type text := CASE place WHEN 'id' THEN 'bigint[]' ELSE 'tid[]' END;
  part text := format($sql$SELECT a.%I AS place, %s AS outcome, %s FROM %s AS a WHERE a.%1$I = ANY ($1::%5$s)$sql$, place, restored,
    (SELECT string_agg(format('%s AS c%s', s, n), ', ') FROM unnest(sources) WITH ORDINALITY AS l (s, n)), source, type);
  same text := (SELECT format('(%s) IS NOT DISTINCT FROM (%s)',
    string_agg(format('ROW(this.%I)::text', name), ', '), string_agg(format('ROW(part.c%s::%s)::text', n, format_type(a.atttypid, a.atttypmod)), ', '))
    FROM unnest(names) WITH ORDINALITY AS l (name, n) JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = name);
  known text := CASE WHEN is_loose THEN same WHEN key <@ names THEN (
    SELECT string_agg(format('this.%I = part.c%s', name, n), ' AND ')
    FROM unnest(names) WITH ORDINALITY AS l (name, n) WHERE name = ANY (key)) ELSE 'false' END;
BEGIN
  RETURN ARRAY[
    format($sql$WITH part AS MATERIALIZED (%1$s)
      UPDATE %2$s AS a SET %3$I = CASE WHEN judged.is_same THEN 'already there' ELSE 'another row with its key is there' END
      FROM (SELECT part.place, %4$s AS is_same FROM part JOIN %5$s AS this ON %6$s) AS judged
      WHERE a.%7$I = judged.place$sql$, part, source, outcome, same, target::regclass, known, place),
    format($sql$WITH part AS MATERIALIZED (
        SELECT * FROM (%1$s) AS part WHERE NOT EXISTS (SELECT FROM %2$s AS this WHERE %3$s)
      ), put AS (
        INSERT INTO %2$s (%4$s) OVERRIDING SYSTEM VALUE SELECT %5$s FROM part RETURNING 1
      )
      UPDATE %6$s AS a SET %7$I = CASE (SELECT count(*) FROM put) WHEN (SELECT count(*) FROM part) THEN part.outcome
        ELSE 'a trigger of the table keeps rows out' END
      FROM part WHERE a.%8$I = part.place$sql$, part, target::regclass, known,
      (SELECT string_agg(quote_ident(name), ', ' ORDER BY n) FROM unnest(names) WITH ORDINALITY AS l (name, n)),
      (SELECT string_agg('part.c' || n, ', ' ORDER BY n) FROM unnest(names) WITH ORDINALITY AS l (name, n)),
      source, outcome, place)
  ];
END`},{signature:"update_of_rows(rollback_id text, relation text, target oid, fixed text[], wanted text[], is_column boolean)",returns:"text",comment:`Internal: the statement that gives rows the values they had, where those still are what the rollback wrote
or what a column has that nobody has written. All the values of a row, or none.`,body:`
DECLARE
  left_behind text := CASE WHEN is_column THEN 'a.row' ELSE '(a.row || a.written)' END;
  base text := CASE WHEN is_column THEN langfuse_rollout.untouched_value(target,
    langfuse_rollout.current_name(rollback_id, relation, wanted[1])) END;
  -- What is archived of a column differs from its default, so that NULL is not in there.
  has_null boolean := coalesce(base = 'NULL::text', false);
  parts text;
  settings text;
  is_back text;
  is_free text;
  joined text;
BEGIN
  SELECT string_agg(format('%s AS old%s, %s AS new%2$s', langfuse_rollout.archived_value(target, w.name, 'a.row', w.key, has_null), n,
      langfuse_rollout.archived_value(target, w.name, left_behind, w.key)), ', '),
    string_agg(format('%I = part.old%s', w.name, n), ', '),
    string_agg(format('this.%I::text IS NOT DISTINCT FROM part.old%s::%s::text', w.name, n, format_type(a.atttypid, a.atttypmod)), ' AND '),
    CASE WHEN is_column AND base IS NULL THEN 'false'
      WHEN is_column THEN format('this.%I::text IS NOT DISTINCT FROM %s', min(w.name), base)
      ELSE string_agg(format('this.%I::text IS NOT DISTINCT FROM part.new%s::%s::text', w.name, n, format_type(a.atttypid, a.atttypmod)), ' AND ') END
  INTO parts, settings, is_back, is_free
  FROM (
    SELECT k AS key, langfuse_rollout.current_name(rollback_id, relation, k) AS name, n
    FROM unnest(wanted) WITH ORDINALITY AS l (k, n)
  ) AS w JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = w.name;
  SELECT string_agg(format('%s AS key%s', langfuse_rollout.archived_value(target, k, left_behind, k), n), ', '),
    string_agg(format('this.%I = part.key%s', k, n), ' AND ')
  INTO base, joined
  FROM unnest(fixed) WITH ORDINALITY AS l (k, n);
  RETURN format($sql$
    WITH part AS MATERIALIZED (
      SELECT a.id, %1$s, %2$s FROM langfuse_rollout.archived_rows AS a WHERE a.id = ANY ($1::bigint[])
    ), found AS MATERIALIZED (
      SELECT part.id, this.ctid AS place, count(*) OVER (PARTITION BY part.id) AS places,
        row_number() OVER (PARTITION BY this.ctid ORDER BY part.id DESC) AS turn, %3$s AS is_back, %4$s AS is_free
      FROM part JOIN %5$s AS this ON %6$s
    ), put AS (
      UPDATE %5$s AS target SET %7$s FROM found JOIN part USING (id)
      WHERE target.ctid = found.place AND found.places = 1 AND found.turn = 1 AND found.is_free AND NOT found.is_back
      RETURNING part.id
    )
    UPDATE langfuse_rollout.archived_rows AS a SET outcome = CASE
      WHEN put.id IS NOT NULL THEN 'restored'
      WHEN judged.id IS NULL THEN 'the row is not there any more'
      WHEN judged.places > 1 THEN 'more than one row has its key now'
      WHEN judged.is_back THEN 'already there'
      WHEN judged.turn > 1 THEN 'the archive has a later value of the same row'
      WHEN NOT judged.is_free THEN %8$L
      ELSE 'someone was changing the row' END
    FROM part LEFT JOIN (SELECT DISTINCT ON (found.id) * FROM found) AS judged USING (id) LEFT JOIN put USING (id)
    WHERE a.id = part.id$sql$, parts, base, is_back, is_free, target::regclass, joined, settings,
    CASE WHEN NOT is_column THEN 'it has been changed since'
      WHEN langfuse_rollout.untouched_value(target, langfuse_rollout.current_name(rollback_id, relation, wanted[1])) IS NULL
      THEN 'its default is computed, so whether it has been written since is not known'
      ELSE 'it has another value than its default now' END);
END`}];var an=[{signature:"archive_rows(relation text, condition text, reason text)",returns:"bigint",comment:"Copies whole rows into the archive.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  RETURN langfuse_rollout.archive_matching(place, condition, reason, NULL, false, NULL);
END`},{signature:"delete_rows(relation text, condition text, reason text)",returns:"bigint",comment:"Archives and deletes rows, in one statement; rows that go or change with them are archived before.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  gone bigint;
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  condition := langfuse_rollout.next_batch(place, condition, 'delete');
  IF EXISTS (
    SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = place AND confdeltype IN ('c', 'n', 'd')
  ) THEN
    -- From here on nobody can refer to them any more.
    EXECUTE format('SELECT FROM %s AS this WHERE (%s
      ) FOR UPDATE', place::regclass, condition);
    PERFORM langfuse_rollout.archive_referrers(place, condition,
      format('it refers to a row of %s that is deleted: %s', place::regclass, reason), ARRAY[place]);
  END IF;
  EXECUTE format($sql$
    WITH gone AS (DELETE FROM %s AS this WHERE (%s
    ) RETURNING %s AS row)
    INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row)
    SELECT $1, $2, $3, $4, 'row', gone.row FROM gone$sql$,
    place::regclass, condition, langfuse_rollout.row_as_json(place, NULL))
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), place::regclass::text, reason;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END`},{signature:"rewrite_rows(relation text, assignments text, condition text, reason text)",returns:"bigint",comment:`Archives rows as they are, with what the assignments write. The condition must not hold any more after that,
or a second call does it again.`,body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  key text[] := coalesce(langfuse_rollout.primary_key(place), '{ctid}');
  picked text;
  same text;
  written bigint;
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  condition := langfuse_rollout.next_batch(place, condition, assignments);
  SELECT string_agg(format('this.%I AS rollout_key_%s', name, n), ', '),
    string_agg(format('this.%I = before_rewrite.rollout_key_%s', name, n), ' AND ')
  INTO picked, same
  FROM unnest(key) WITH ORDINALITY AS k (name, n);
  EXECUTE format($sql$
    WITH before_rewrite AS MATERIALIZED (
      SELECT %1$s, %2$s AS rollout_row FROM %3$s AS this WHERE (%4$s
      ) FOR UPDATE OF this
    ), rewritten AS (
      UPDATE %3$s AS this SET %5$s
      FROM before_rewrite WHERE %6$s
      RETURNING before_rewrite.rollout_row AS before, %2$s AS after
    )
    INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row, written)
    SELECT $1, $2, $3, $4, 'row', before, (
      SELECT coalesce(jsonb_object_agg(changed.key, changed.value), '{}') FROM jsonb_each(after) AS changed
      WHERE changed.value IS DISTINCT FROM before -> changed.key)
    FROM rewritten$sql$,
    picked, langfuse_rollout.row_as_json(place, NULL), place::regclass, condition, assignments, same)
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), place::regclass::text, reason;
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END`},{signature:"insert_rows(relation text, columns text, query text)",returns:"bigint",comment:"Inserts what the query gives into the columns, except for rows whose key is there already.",body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  list text := langfuse_rollout.todo_list(place, concat_ws(chr(1), columns, query));
  inserted bigint;
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  IF list IS NULL THEN
    EXECUTE format(E'INSERT INTO %s (%s) %s\\n ON CONFLICT DO NOTHING', place::regclass, columns, query);
    GET DIAGNOSTICS inserted = ROW_COUNT;
    RETURN inserted;
  END IF;
  IF to_regclass('pg_temp.' || list) IS NULL THEN
    EXECUTE format('CREATE TEMPORARY TABLE %I ON COMMIT PRESERVE ROWS AS SELECT %s FROM %s WHERE false',
      list, columns, place::regclass);
    EXECUTE format('INSERT INTO pg_temp.%I %s', list, query);
  END IF;
  EXECUTE format($sql$
    WITH part AS (
      DELETE FROM pg_temp.%1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM pg_temp.%1$I LIMIT %4$s)) RETURNING *
    )
    INSERT INTO %2$s (%3$s) SELECT * FROM part ON CONFLICT DO NOTHING$sql$,
    list, place::regclass, columns, current_setting('langfuse_rollout.batch'));
  GET DIAGNOSTICS inserted = ROW_COUNT;
  PERFORM langfuse_rollout.tell_whether_more(list);
  RETURN inserted;
END`},{signature:"archive_column(relation text, column_name text)",returns:"bigint",comment:`Copies the primary key and the column where it is not the column's default (NULL if it has none), and
remembers that until the column is dropped: a second call does nothing. A default that is computed cannot be told
from a value, so there all rows are copied.`,body:`
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  number smallint := langfuse_rollout.column_named(place, column_name);
  otherwise text;
  is_computed boolean;
  definition text;
  copied bigint;
BEGIN
  IF number IS NULL OR EXISTS (
    SELECT FROM langfuse_rollout.archived_columns AS known
    WHERE known.rollback_id = langfuse_rollout.setting('rollback_id')
      AND known.migration = langfuse_rollout.setting('migration')
      AND known.relation = place::regclass::text AND known.column_name = archive_column.column_name::name
      AND known.dropped_at IS NULL
  ) THEN
    RETURN 0;
  END IF;
  SELECT pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '',
    concat_ws(' ', format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
        ELSE 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
      CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
      CASE WHEN a.attnotnull THEN 'NOT NULL' END)
  INTO otherwise, is_computed, definition
  FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = place AND a.attnum = number;
  is_computed := is_computed OR coalesce(otherwise ~ '[(]|^(CURRENT_|LOCAL|SESSION_|USER)', false);
  copied := langfuse_rollout.archive_matching(place, CASE WHEN is_computed THEN 'true'
      ELSE format('this.%I::text IS DISTINCT FROM (%s)::text', column_name::name, coalesce(otherwise, 'NULL')) END,
    format('the column %I is dropped', column_name::name), ARRAY[column_name::name::text], true, NULL);
  INSERT INTO langfuse_rollout.archived_columns (rollback_id, migration, relation, column_name, definition, rows)
  VALUES (langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), place::regclass::text,
    column_name::name, definition, copied);
  RETURN copied;
END`},{signature:"delete_background_migration(id text)",returns:"void",comment:"Takes a background migration away, so that a later upgrade can insert it again.",body:`
BEGIN
  PERFORM langfuse_rollout.delete_rows('background_migrations', format('this.id = %L', id),
    'the older release has no such background migration');
END`},{signature:"insert_background_migration(id text, name text, script text, args jsonb)",returns:"void",comment:"Brings a background migration back, as finished: the older worker must not run it.",body:`
BEGIN
  IF langfuse_rollout.table_named('background_migrations') IS NULL THEN RETURN; END IF;
  INSERT INTO public.background_migrations (id, name, script, args, finished_at)
  VALUES (id, name, script, args, now() AT TIME ZONE 'UTC')
  ON CONFLICT DO NOTHING;
END`}];function ln(){return[...rn,...zt,...Zt,...an,...tn,...en,...nn,...on,...sn].map(ho).join(`

`)}var po="SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1";function ho({signature:t,returns:e,comment:n,body:r}){return[`CREATE OR REPLACE FUNCTION langfuse_rollout.${t} RETURNS ${e}`,`LANGUAGE plpgsql ${po} AS $toolbox$`,`-- ${n.replaceAll(`
`,`
-- `)}`,"#variable_conflict use_variable",r.trim(),"$toolbox$;"].join(`
`)}var cn=`
DO $archive$
BEGIN
  -- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where an administrator has made it already.
  IF pg_catalog.to_regnamespace('langfuse_rollout') IS NULL THEN
    CREATE SCHEMA langfuse_rollout;
  END IF;
END
$archive$;

CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_rows (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  reason text NOT NULL,
  row jsonb NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now()
);
-- Archives of this project's first version have no kind.
ALTER TABLE langfuse_rollout.archived_rows
  ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'row' CHECK (kind IN ('row', 'values', 'definition'));
ALTER TABLE langfuse_rollout.archived_rows
  ADD COLUMN IF NOT EXISTS written jsonb,
  ADD COLUMN IF NOT EXISTS outcome text;
CREATE INDEX IF NOT EXISTS archived_rows_of_rollback
  ON langfuse_rollout.archived_rows (rollback_id, migration, relation);

CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_columns (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  column_name text NOT NULL,
  definition text NOT NULL,
  rows bigint NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now(),
  dropped_at timestamptz
);

CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_tables (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  stored_as text NOT NULL,
  rows bigint,
  archived_at timestamptz NOT NULL DEFAULT now()
);

${ln()}
`;var un=`
CREATE TABLE IF NOT EXISTS langfuse_rollout.journal (
  store text NOT NULL CHECK (store IN ('postgres', 'clickhouse')),
  migration text NOT NULL,
  rollback_id text NOT NULL,
  phase text NOT NULL CHECK (phase IN ('expand', 'contract', 'validate')),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (store, migration)
);
`;function ie(t){let e=[];for(let n=t;n!==void 0&&e.length<4;n=go(n)){let r=dn(n);e.some(s=>s.includes(r))||e.push(r)}return e.join(" Cause: ")}function dn(t){return t instanceof Error?t.message!==""?t.message:t instanceof AggregateError?t.errors.map(dn).join("; "):t.name:String(t)}function go(t){return t instanceof Error?t.cause:void 0}var x=class extends Error{name="RolloutError"};var Y=class extends x{name="Interrupted"};var _o=1200,So=6;async function mn(t,e){let{clock:n,deadline:r,signal:s}=e,o=To(n),a="",i=0;for(;;){let c={},u=n.now()>=r;try{let d=await t();if(i=0,d.state==="settled")return d.value;d.note!==a&&e.say(d.note),a=d.note,c=d}catch(d){if(i+=1,i>=So||u)throw d;e.say(`could not look (${ie(d)}), looking again`)}if(u)throw new Y(`The timeout passed while waiting for ${e.what}; last seen: ${a}.`);await l(Math.min(o(c),Math.max(1,r-n.now())))}async function l(c){let u=n.now()+c;do{let d=Math.max(1,u-n.now()),m=e.hint===void 0?d:Math.min(d,_o);s.aborted||await n.sleep(m,s).catch(()=>{})}while(!s.aborted&&n.now()<u&&!await e.hint?.());if(s.aborted)throw new Y(`The run was cancelled while waiting for ${e.what}; last seen: ${a}.`)}}var No=1e3,fn={calm:15e3,soon:8e3,usual:5e3,near:2200},yo={calm:3,soon:1.3,usual:1.3,near:1.3},En=18,Ce={first:6e3,growth:1.15,longest:12e3};function To(t){let e=No,n=0;return({pace:r="usual",notBefore:s=0})=>{let o=Math.min(e,fn[r]);e*=yo[r],n=r==="near"?n+1:r==="calm"?0:n;let a=n>En?Ce.first*Ce.growth**(n-En-1):0,i=Math.max(o,Math.min(a,Ce.longest))*(.8+.4*t.random());return Math.max(i,Math.min(s-t.now(),fn.calm))}}var Ro=72707369,bo="300ms",pn=60,Ao=5,wo=`SELECT set_config('lock_timeout', (setting::integer + 300)::text, false)
  FROM pg_settings WHERE name = 'deadlock_timeout'`,le={lockNotAvailable:"55P03",deadlock:"40P01",privilege:"42501",canceled:"57014"};async function hn(t,e,n){let r=await t.connect();try{return await r.run(Io),await Lo(r,e),await X(r,cn+un,"The archive could not be made"),await n(r)}finally{await r.close()}}var Io=`
SET search_path = public;
SET standard_conforming_strings = on;
SET timezone = 'UTC';
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET client_min_messages = warning;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET row_security = off;
`;async function Lo(t,e){await mn(async()=>{let[n]=await t.run("SELECT pg_try_advisory_lock($1) AS held",[Ro]);return n?.held===!0?{state:"settled",value:void 0}:{state:"waiting",note:"a web container holds the lock that Prisma migrates under"}},{...e,what:"Prisma's migration lock"})}async function Q(t,e,n){return Oo(e,async r=>{await Sn(t,e),await t.run(r%Ao===0?wo:`SET lock_timeout = '${bo}'`),await t.run("BEGIN; SET CONSTRAINTS ALL IMMEDIATE");try{let s=await n();return await t.run("COMMIT"),s}catch(s){throw await t.run("ROLLBACK").catch(()=>{}),s}})}async function gn(t,e,n,r){await Sn(t,e),await t.run("SET lock_timeout = 0"),await X(t,n,r)}async function Oo(t,e){for(let n=1;;n++)try{return await e(n)}catch(r){if(!_n(r))throw r;if(n>=pn||t.clock.now()>=t.deadline)throw new _(`A table or a row stayed in use in ${n} attempts, and nothing was changed: end what uses it for long, and run the rollback again.`,Oe(r),r);t.say(`a table or a row was in use, so nothing was changed; trying again (${n} of ${pn})`),await t.clock.sleep(500+1e3*t.clock.random(),t.signal)}}function _n(t){let e=k(t);return e===le.lockNotAvailable||e===le.deadlock}async function Sn(t,{deadline:e,clock:n}){let r=Math.min(Math.max(Math.ceil(e-n.now()),1e3),2147483647);await t.run(`SET statement_timeout = ${r}`)}async function X(t,e,n){try{await t.run(e)}catch(r){if(_n(r))throw r;let s=k(r),o=s===le.privilege?" The database user of this run has to own Langfuse's tables, and to be allowed to create a schema.":s===le.canceled?" It took longer than the timeout of this run allows.":"";throw new _(`${n}; what it had done in its transaction was rolled back.${o}`,Oe(r),r)}}var Co=5e3;async function Nn(t,e,n,r){return hn(e,n,async s=>{let o={step:t,session:s,execution:n,before:await $o(s)};return t.phase==="contract"&&await vo(o),t.phase==="validate"?await Mo(o):await Do(o,t.phase),await r(),await xe(o,"clickhouse"),await Bo(o)})}async function Do(t,e){let{step:n,session:r,execution:s}=t;await Q(r,s,async()=>{e==="expand"&&await ko(t);for(let o of n.postgres)await Uo(t,o,e);await xo(t),await xe(t,"postgres")})}async function ko({step:t,session:e}){t.repair!==void 0&&(await e.run(`UPDATE "_prisma_migrations" SET finished_at = now(), applied_steps_count = 1
     WHERE migration_name = ANY($1) AND finished_at IS NULL AND rolled_back_at IS NULL`,[t.repair.finish]),await e.run(`UPDATE "_prisma_migrations" SET rolled_back_at = now()
     WHERE migration_name = ANY($1) AND finished_at IS NULL AND rolled_back_at IS NULL`,[t.repair.forget]))}async function xo({step:t,session:e}){let{from:n=[],to:r=[]}=t.renamed??{};r.length>0&&await e.run(`INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
       SELECT gen_random_uuid()::text, checksum, name, now(), 1 FROM unnest($1::text[], $2::text[]) AS older (name, checksum)
       WHERE NOT EXISTS (
         SELECT FROM "_prisma_migrations" WHERE migration_name = name AND finished_at IS NOT NULL AND rolled_back_at IS NULL)`,[r.map(({name:o})=>o),r.map(({checksum:o})=>o)]);let s=[...t.postgres,...n];t.phase==="contract"&&s.length>0&&await e.run('DELETE FROM "_prisma_migrations" WHERE migration_name = ANY($1)',[s])}async function vo(t){for(let e of t.step.postgres)for(let n of Tn(t,e,"prepare"))await yn(t,{migration:e,phase:"prepare",statement:n})}async function Mo(t){let{step:e,session:n,execution:r}=t;for(let[s,o]of e.postgres.entries()){let a=e.postgres.slice(s+1);for(let i of Tn(t,o,"validate"))Po(t,i,a)||await Fo(t,{migration:o,phase:"validate",statement:i})}await Q(n,r,()=>xe(t,"postgres"))}async function Fo(t,e){let{session:n,execution:r}=t;try{if(Le(e.statement)===void 0)return await yn(t,e);bn(t,e),await gn(n,r,e.statement,ke(e))}catch(s){if(!Ho(s))throw s;r.say("not needed any more: what it is about is gone")}}async function yn(t,e){let{session:n,execution:r}=t,s=async()=>{await Rn(t,e.migration),await n.run(`SELECT set_config('langfuse_rollout.batch', '${Co}', true), set_config('langfuse_rollout.more', '', true)`),await X(n,e.statement,ke(e));let[o]=await n.run("SELECT current_setting('langfuse_rollout.more') AS more");return o?.more==="yes"};for(bn(t,e);await Q(n,r,s););await n.run("SELECT langfuse_rollout.forget_todo_lists()")}async function Uo(t,e,n){let{session:r,execution:s}=t,o=De(t,e,n);o!==""&&(await Rn(t,e),s.say(`${e}: ${n}`),await X(r,o,ke({migration:e,phase:n})))}function Tn(t,e,n){return ae(De(t,e,n),"postgres")}function De({execution:t},e,n){return t.facts.downSql("postgres",e)?.sections[n]??""}async function Rn({session:t,execution:e},n){await t.run("SELECT set_config('langfuse_rollout.rollback_id', $1, true), set_config('langfuse_rollout.migration', $2, true)",[e.rollbackId,n])}function bn({execution:t},{migration:e,phase:n,statement:r}){let s=r.split(`
`).map(i=>i.trim()),[o="",...a]=s.filter(i=>i!==""&&!i.startsWith("--"));t.say(`${e}: ${n}: ${o}${a.length>0?" \u2026":""}`)}function ke({migration:t,phase:e}){return`The down SQL of ${t}, ${e}, failed`}function Po(t,e,n){let r=Le(e);if(r===void 0)return!1;let s=`drop_index('${r.index.replaceAll("'","''")}')`;return n.some(o=>De(t,o,"contract").includes(s))}function Ho(t){let e=t instanceof Error?k(t.cause):void 0;return e==="42P01"||e==="42703"||e==="42704"}async function xe({step:t,session:e,execution:n},r){let s=r==="postgres"?t.postgres:t.clickhouse.map(H);s.length!==0&&await e.run(`INSERT INTO langfuse_rollout.journal (store, migration, rollback_id, phase)
     SELECT $1, name, $2, $3 FROM unnest($4::text[]) AS name
     ON CONFLICT (store, migration) DO UPDATE SET rollback_id = excluded.rollback_id, phase = excluded.phase, at = now()`,[r,n.rollbackId,t.phase,s])}async function $o(t){let[e]=await t.run(`SELECT
    (SELECT coalesce(max(id), 0) FROM langfuse_rollout.archived_rows) AS row,
    (SELECT coalesce(max(id), 0) FROM langfuse_rollout.archived_tables) AS table`);return{row:String(e?.row??0),table:String(e?.table??0)}}async function Bo(t){let{step:e,session:n,execution:r,before:s}=t;await Q(n,r,()=>n.run("SELECT langfuse_rollout.count_archived_tables()")),await Wo(t);let[o]=await n.run(`SELECT (SELECT count(*) FROM langfuse_rollout.archived_rows WHERE id > $1 AND kind <> 'definition')
       + (SELECT coalesce(sum(rows), 0) FROM langfuse_rollout.archived_tables WHERE id > $2) AS archived`,[s.row,s.table]),a=e.phase==="contract";return{postgres:a?e.postgres.length:0,clickhouse:a?e.clickhouse.length:0,archivedRows:Number(o?.archived??0)}}async function Wo({session:t,execution:e,before:n}){let r=await t.run(`SELECT row ->> 'definition' AS statement FROM langfuse_rollout.archived_rows
     WHERE id > $1 AND kind = 'definition' AND row ->> 'kind' = 'statement' ORDER BY id`,[n.row]);for(let{statement:s}of r)e.say(`not made again, because it names a label that is gone: ${s}`)}async function An(t,e){let{postgres:n,clickhouse:r}=e;if(n===void 0)throw new _("There is no connection to PostgreSQL.",[]);if(t.clickhouse.length>0){if(r===void 0)throw new _("There is no connection to ClickHouse.",[]);await Qt(t,r,e)}let s=0,o=await Nn(t,n,e,async()=>{r===void 0||t.clickhouse.length===0||(s=await Xt(t,r,e))});return{...o,archivedRows:o.archivedRows+s}}function ce(t){return{sentence:ie(t),name:t instanceof Error?t.name:"Error",sqlState:wn(t),evidence:t instanceof _?t.evidence:[]}}function wn(t){return k(t)??(t instanceof Error&&t.cause?wn(t.cause):void 0)}function In({postgres:t}){if(t!==void 0)return t;throw new _("There is no connection to PostgreSQL: the worker's task definition has neither DATABASE_URL nor its parts.",[])}var Cn=require("node:http"),Dn=require("node:https"),kn=require("node:stream/consumers");var Ln=6e4;function xn(t,e="(input `clickhouse-url`) cannot be reached: check the name, the port and the security group of this runner"){let{host:n}=new URL(t.url);return{address:n,async ping(){let r=await On({url:`${t.url}/ping`,method:"GET",address:n,hint:e,timeoutMs:Ln});return r.status===200&&r.body.trim()==="Ok."},async run(r,{timeoutMs:s=Ln}={}){let o=new URLSearchParams({database:t.database,default_format:"JSONEachRow",output_format_json_quote_64bit_integers:"1"}),a=await On({url:`${t.url}/?${o}`,method:"POST",body:r,headers:{"X-ClickHouse-User":t.user,"X-ClickHouse-Key":t.password},address:n,hint:e,timeoutMs:s});if(a.status!==200)throw new x(`ClickHouse at ${n} refused a statement: ${a.body.trim().slice(0,500)}`);return a.body.split(`
`).filter(i=>i.trim()!=="").map(i=>JSON.parse(i))}}}async function On(t){let{url:e,method:n,body:r,headers:s,address:o,hint:a,timeoutMs:i}=t,l=e.startsWith("https:")?Dn.request:Cn.request,c=!1;try{return await new Promise((u,d)=>{let m={method:n,headers:{...s},agent:!1,signal:AbortSignal.timeout(i)},N=l(e,m,C=>{(0,kn.text)(C).then(R=>u({status:C.statusCode??0,body:R}),d)});N.on("error",d),N.on("socket",C=>{C.setKeepAlive(!0,3e4),C.once("connect",()=>{c=!0})}),N.end(r)})}catch(u){throw new x(c?`ClickHouse at ${o} has taken a statement and not answered; it may still be at it.`:`ClickHouse at ${o} ${a}.`,{cause:u})}}var vn=require("node:timers/promises"),ve={now:()=>Date.now(),sleep:(t,e)=>(0,vn.setTimeout)(t,void 0,e===void 0?{}:{signal:e}),random:()=>Math.random()};var Jl=1e4,zl=["schema","connection_limit","pool_timeout","pgbouncer","connect_timeout","socket_timeout","statement_cache_size","sslaccept","sslidentity","sslpassword"];function Es(t,e="(input `database-url`) cannot be reached: check the address, the password and the security group of this runner"){let n=new URL(t),r=`${n.hostname}:${n.port||"5432"}${n.pathname}`,s=Zl(n);for(let o of zl)n.searchParams.delete(o);return{address:r,async connect(){try{return await ms(s,n.href)}catch(o){throw new x(`PostgreSQL at ${r} ${e}.`,{cause:o})}}}}function Zl({searchParams:t}){let e=t.get("sslmode")??"prefer",n={rejectUnauthorized:t.get("sslaccept")==="strict"};return e==="disable"?[!1]:e!=="require"&&e!=="prefer"?[void 0]:(t.delete("sslmode"),e==="require"?[n]:[n,!1])}async function ms(t,e){let[n,...r]=t;try{return await ec(e,n)}catch(s){if(!(s instanceof Error&&/does not support SSL/.test(s.message))||r.length===0)throw s;return ms(r,e)}}async function ec(t,e){let{default:n}=await Promise.resolve().then(()=>(fs(),ds)),r=new n.Client({connectionString:t,application_name:"langfuse-rollout",connectionTimeoutMillis:Jl,keepAlive:!0,...e!==void 0&&{ssl:e}});return r.on("error",()=>{}),await r.connect(),{async run(s,o){let a=o===void 0?await r.query(s):await r.query(s,[...o]);return tc(a)},close:()=>r.end()}}function tc(t){let e=Array.isArray(t)?t.at(-1):t;return typeof e!="object"||e===null||!("rows"in e)||!Array.isArray(e.rows)?[]:e.rows}function ps(t,e){return[...e].filter(s=>s!=="").sort((s,o)=>o.length-s.length).reduce((s,o)=>s.replaceAll(o,"***"),t).replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi,"$1:***@")}var hs=require("node:crypto"),nc="LANGFUSE-ROLLOUT ",Te=2400;function gs(t,e){let n=(0,hs.createHash)("sha256"),r=0,s=(a,i)=>{let l=JSON.stringify({n:t,i:r,k:a,v:i});e(`${nc}${l}`),n.update(`${l}
`),r+=1},o=(a,i)=>{for(let l of rc(JSON.stringify(i)))s(a,l)};return{say:a=>s("say",a.slice(0,Te)),result:a=>o("result",a),failure:a=>o("failure",a),end:()=>s("end",{count:r,sha256:n.copy().digest("hex")})}}function rc(t){return Array.from({length:Math.ceil(t.length/Te)},(e,n)=>t.slice(n*Te,(n+1)*Te))}function _s(t){let{DATABASE_URL:e,DATABASE_HOST:n,DATABASE_NAME:r,DATABASE_ARGS:s}=t;if(e)return e;let{DATABASE_USERNAME:o,DATABASE_PASSWORD:a}=t;if(!(!n||!r||!o||!a))return`postgresql://${o}:${a}@${n}/${r}${s?`?${s}`:""}`}function Ss(t){let{CLICKHOUSE_URL:e,CLICKHOUSE_USER:n,CLICKHOUSE_PASSWORD:r,CLICKHOUSE_DB:s}=t;if(!e||!URL.canParse(e))return;let o=new URL(e),[a,i]=[decodeURIComponent(o.username),decodeURIComponent(o.password)];return o.username="",o.password="",{url:o.href.replace(/\/+$/,""),user:n||a||"default",password:r||i,database:s||"default"}}var sc=/PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY|AUTH|SALT|URL|CONNECTION|ARGS/;function Ns(t){let e=Object.entries(t).flatMap(([n,r=""])=>!sc.test(n)||n==="REDIS_KEY_PREFIX"?[]:URL.canParse(r)?oc(new URL(r)):[r]);return[...new Set(e)].filter(n=>n.length>=6)}function oc({password:t}){try{return[t,decodeURIComponent(t)]}catch{return[t]}}async function Ts(t,e){let n=Ns(process.env),r=(i,l)=>typeof l=="string"?ps(l,n):l,s=gs(t.nonce,i=>process.stdout.write(`${i}
`)),o=new AbortController,a=(i,l)=>{o.abort(new Error(i)),s.say(i),ys(l)};for(let i of["SIGTERM","SIGINT"])process.once(i,()=>a(`the agent was stopped (${i})`,143));setTimeout(()=>a("the agent ran out of time",4),t.timeoutMs).unref(),ys(await ac({spec:t,work:e,reporter:s,clean:r,signal:o.signal}))}async function ac({spec:t,work:e,reporter:n,clean:r,signal:s}){let o=a=>JSON.parse(JSON.stringify(a,r));try{let a=await e({...ic(process.env),environment:process.env,clock:ve,deadline:ve.now()+t.timeoutMs,signal:s,say:i=>n.say(String(r("",i)))});return n.result(o(a)),0}catch(a){return n.failure(o(ce(a))),3}finally{n.end()}}function ic(t){let e=_s(t),n=Ss(t);return{postgres:e!==void 0&&URL.canParse(e)?Es(e,"cannot be reached from where the worker stands: check its DATABASE_URL and the security groups between them"):void 0,clickhouse:n&&xn(n,"cannot be reached from where the worker stands: check its CLICKHOUSE_URL, Cloud Map and the security groups between them")}}function ys(t){process.stdout.write("",()=>process.exit(t))}function Rs(t){let e=n=>typeof n=="number"?H(n):n;return{downSql:(n,r)=>t.find(s=>s.engine===n&&s.file.migration===e(r))?.file}}async function lc(t){await Ts(t,async e=>{if(t.job.kind!=="undo")throw new Error("This program only undoes.");return bs(t.job,e)})}async function bs({steps:t,rollbackId:e,files:n},r){let s=In(r),o=Rs(n),a=[];for(let i of t)try{a.push(await An(i,{...r,postgres:s,rollbackId:e,facts:o}))}catch(l){return{counts:a,failure:ce(l)}}return{counts:a}}0&&(module.exports={agent,undo});
