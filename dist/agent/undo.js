"use strict";var ks=Object.create;var oe=Object.defineProperty;var Ds=Object.getOwnPropertyDescriptor;var vs=Object.getOwnPropertyNames;var Ms=Object.getPrototypeOf,Ps=Object.prototype.hasOwnProperty;var Us=(t,e,n)=>()=>{if(n)throw n[0];try{return t&&(e=t(t=0)),e}catch(r){throw n=[r],r}};var p=(t,e)=>()=>{try{return e||t((e={exports:{}}).exports,e),e.exports}catch(n){throw e=0,n}},Dt=(t,e)=>{for(var n in e)oe(t,n,{get:e[n],enumerable:!0})},vt=(t,e,n,r)=>{if(e&&typeof e=="object"||typeof e=="function")for(let s of vs(e))!Ps.call(t,s)&&s!==n&&oe(t,s,{get:()=>e[s],enumerable:!(r=Ds(e,s))||r.enumerable});return t};var Fs=(t,e,n)=>(n=t!=null?ks(Ms(t)):{},vt(e||!t||!t.__esModule?oe(n,"default",{value:t,enumerable:!0}):n,t)),Hs=t=>vt(oe({},"__esModule",{value:!0}),t);var He=p(Hn=>{"use strict";Hn.parse=function(t,e){return new Fe(t,e).parse()};var Fe=class t{constructor(e,n){this.source=e,this.transform=n||ni,this.position=0,this.entries=[],this.recorded=[],this.dimension=0}isEof(){return this.position>=this.source.length}nextCharacter(){var e=this.source[this.position++];return e==="\\"?{value:this.source[this.position++],escaped:!0}:{value:e,escaped:!1}}record(e){this.recorded.push(e)}newEntry(e){var n;(this.recorded.length>0||e)&&(n=this.recorded.join(""),n==="NULL"&&!e&&(n=null),n!==null&&(n=this.transform(n)),this.entries.push(n),this.recorded=[])}consumeDimensions(){if(this.source[0]==="[")for(;!this.isEof();){var e=this.nextCharacter();if(e.value==="=")break}}parse(e){var n,r,s;for(this.consumeDimensions();!this.isEof();)if(n=this.nextCharacter(),n.value==="{"&&!s)this.dimension++,this.dimension>1&&(r=new t(this.source.substr(this.position-1),this.transform),this.entries.push(r.parse(!0)),this.position+=r.position-2);else if(n.value==="}"&&!s){if(this.dimension--,!this.dimension&&(this.newEntry(),e))return this.entries}else n.value==='"'&&!n.escaped?(s&&this.newEntry(!0),s=!s):n.value===","&&!s?this.newEntry():this.record(n.value);if(this.dimension!==0)throw new Error("array dimension not balanced");return this.entries}};function ni(t){return t}});var $e=p((ed,$n)=>{var ri=He();$n.exports={create:function(t,e){return{parse:function(){return ri.parse(t,e)}}}}});var Wn=p((td,qn)=>{"use strict";var si=/(\d{1,})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})(\.\d{1,})?.*?( BC)?$/,oi=/^(\d{1,})-(\d{2})-(\d{2})( BC)?$/,ii=/([Z+-])(\d{2})?:?(\d{2})?:?(\d{2})?/,ai=/^-?infinity$/;qn.exports=function(e){if(ai.test(e))return Number(e.replace("i","I"));var n=si.exec(e);if(!n)return li(e)||null;var r=!!n[8],s=parseInt(n[1],10);r&&(s=Bn(s));var o=parseInt(n[2],10)-1,i=n[3],a=parseInt(n[4],10),l=parseInt(n[5],10),c=parseInt(n[6],10),u=n[7];u=u?1e3*parseFloat(u):0;var d,m=ci(e);return m!=null?(d=new Date(Date.UTC(s,o,i,a,l,c,u)),Be(s)&&d.setUTCFullYear(s),m!==0&&d.setTime(d.getTime()-m)):(d=new Date(s,o,i,a,l,c,u),Be(s)&&d.setFullYear(s)),d};function li(t){var e=oi.exec(t);if(e){var n=parseInt(e[1],10),r=!!e[4];r&&(n=Bn(n));var s=parseInt(e[2],10)-1,o=e[3],i=new Date(n,s,o);return Be(n)&&i.setFullYear(n),i}}function ci(t){if(t.endsWith("+00"))return 0;var e=ii.exec(t.split(" ")[1]);if(e){var n=e[1];if(n==="Z")return 0;var r=n==="-"?-1:1,s=parseInt(e[2],10)*3600+parseInt(e[3]||0,10)*60+parseInt(e[4]||0,10);return s*r*1e3}}function Bn(t){return-(t-1)}function Be(t){return t>=0&&t<100}});var Gn=p((nd,jn)=>{jn.exports=di;var ui=Object.prototype.hasOwnProperty;function di(t){for(var e=1;e<arguments.length;e++){var n=arguments[e];for(var r in n)ui.call(n,r)&&(t[r]=n[r])}return t}});var Xn=p((rd,Yn)=>{"use strict";var fi=Gn();Yn.exports=$;function $(t){if(!(this instanceof $))return new $(t);fi(this,Ti(t))}var pi=["seconds","minutes","hours","days","months","years"];$.prototype.toPostgres=function(){var t=pi.filter(this.hasOwnProperty,this);return this.milliseconds&&t.indexOf("seconds")<0&&t.push("seconds"),t.length===0?"0":t.map(function(e){var n=this[e]||0;return e==="seconds"&&this.milliseconds&&(n=(n+this.milliseconds/1e3).toFixed(6).replace(/\.?0+$/,"")),n+" "+e},this).join(" ")};var mi={years:"Y",months:"M",days:"D",hours:"H",minutes:"M",seconds:"S"},hi=["years","months","days"],Ei=["hours","minutes","seconds"];$.prototype.toISOString=$.prototype.toISO=function(){var t=hi.map(n,this).join(""),e=Ei.map(n,this).join("");return"P"+t+"T"+e;function n(r){var s=this[r]||0;return r==="seconds"&&this.milliseconds&&(s=(s+this.milliseconds/1e3).toFixed(6).replace(/0+$/,"")),s+mi[r]}};var qe="([+-]?\\d+)",gi=qe+"\\s+years?",yi=qe+"\\s+mons?",Si=qe+"\\s+days?",_i="([+-])?([\\d]*):(\\d\\d):(\\d\\d)\\.?(\\d{1,6})?",Ni=new RegExp([gi,yi,Si,_i].map(function(t){return"("+t+")?"}).join("\\s*")),Qn={years:2,months:4,days:6,hours:9,minutes:10,seconds:11,milliseconds:12},wi=["hours","minutes","seconds","milliseconds"];function bi(t){var e=t+"000000".slice(t.length);return parseInt(e,10)/1e3}function Ti(t){if(!t)return{};var e=Ni.exec(t),n=e[8]==="-";return Object.keys(Qn).reduce(function(r,s){var o=Qn[s],i=e[o];return!i||(i=s==="milliseconds"?bi(i):parseInt(i,10),!i)||(n&&~wi.indexOf(s)&&(i*=-1),r[s]=i),r},{})}});var Jn=p((sd,Kn)=>{"use strict";var Vn=Buffer.from||Buffer;Kn.exports=function(e){if(/^\\x/.test(e))return Vn(e.substr(2),"hex");for(var n="",r=0;r<e.length;)if(e[r]!=="\\")n+=e[r],++r;else if(/[0-7]{3}/.test(e.substr(r+1,3)))n+=String.fromCharCode(parseInt(e.substr(r+1,3),8)),r+=4;else{for(var s=1;r+s<e.length&&e[r+s]==="\\";)s++;for(var o=0;o<Math.floor(s/2);++o)n+="\\";r+=Math.floor(s/2)*2}return Vn(n,"binary")}});var sr=p((od,rr)=>{var V=He(),K=$e(),de=Wn(),Zn=Xn(),er=Jn();function fe(t){return function(n){return n===null?n:t(n)}}function tr(t){return t===null?t:t==="TRUE"||t==="t"||t==="true"||t==="y"||t==="yes"||t==="on"||t==="1"}function Ri(t){return t?V.parse(t,tr):null}function Ai(t){return parseInt(t,10)}function We(t){return t?V.parse(t,fe(Ai)):null}function Ii(t){return t?V.parse(t,fe(function(e){return nr(e).trim()})):null}var Li=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=Ye(n)),n});return e.parse()},je=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=parseFloat(n)),n});return e.parse()},O=function(t){if(!t)return null;var e=K.create(t);return e.parse()},Ge=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=de(n)),n});return e.parse()},Oi=function(t){if(!t)return null;var e=K.create(t,function(n){return n!==null&&(n=Zn(n)),n});return e.parse()},Ci=function(t){return t?V.parse(t,fe(er)):null},Qe=function(t){return parseInt(t,10)},nr=function(t){var e=String(t);return/^\d+$/.test(e)?e:t},zn=function(t){return t?V.parse(t,fe(JSON.parse)):null},Ye=function(t){return t[0]!=="("?null:(t=t.substring(1,t.length-1).split(","),{x:parseFloat(t[0]),y:parseFloat(t[1])})},xi=function(t){if(t[0]!=="<"&&t[1]!=="(")return null;for(var e="(",n="",r=!1,s=2;s<t.length-1;s++){if(r||(e+=t[s]),t[s]===")"){r=!0;continue}else if(!r)continue;t[s]!==","&&(n+=t[s])}var o=Ye(e);return o.radius=parseFloat(n),o},ki=function(t){t(20,nr),t(21,Qe),t(23,Qe),t(26,Qe),t(700,parseFloat),t(701,parseFloat),t(16,tr),t(1082,de),t(1114,de),t(1184,de),t(600,Ye),t(651,O),t(718,xi),t(1e3,Ri),t(1001,Ci),t(1005,We),t(1007,We),t(1028,We),t(1016,Ii),t(1017,Li),t(1021,je),t(1022,je),t(1231,je),t(1014,O),t(1015,O),t(1008,O),t(1009,O),t(1040,O),t(1041,O),t(1115,Ge),t(1182,Ge),t(1185,Ge),t(1186,Zn),t(1187,Oi),t(17,er),t(114,JSON.parse.bind(JSON)),t(3802,JSON.parse.bind(JSON)),t(199,zn),t(3807,zn),t(3907,O),t(2951,O),t(791,O),t(1183,O),t(1270,O)};rr.exports={init:ki}});var ir=p((id,or)=>{"use strict";var R=1e6;function Di(t){var e=t.readInt32BE(0),n=t.readUInt32BE(4),r="";e<0&&(e=~e+(n===0),n=~n+1>>>0,r="-");var s="",o,i,a,l,c,u;{if(o=e%R,e=e/R>>>0,i=4294967296*o+n,n=i/R>>>0,a=""+(i-R*n),n===0&&e===0)return r+a+s;for(l="",c=6-a.length,u=0;u<c;u++)l+="0";s=l+a+s}{if(o=e%R,e=e/R>>>0,i=4294967296*o+n,n=i/R>>>0,a=""+(i-R*n),n===0&&e===0)return r+a+s;for(l="",c=6-a.length,u=0;u<c;u++)l+="0";s=l+a+s}{if(o=e%R,e=e/R>>>0,i=4294967296*o+n,n=i/R>>>0,a=""+(i-R*n),n===0&&e===0)return r+a+s;for(l="",c=6-a.length,u=0;u<c;u++)l+="0";s=l+a+s}return o=e%R,i=4294967296*o+n,a=""+i%R,r+a+s}or.exports=Di});var dr=p((ad,ur)=>{var vi=ir(),E=function(t,e,n,r,s){n=n||0,r=r||!1,s=s||function(N,C,T){return N*Math.pow(2,T)+C};var o=n>>3,i=function(N){return r?~N&255:N},a=255,l=8-n%8;e<l&&(a=255<<8-e&255,l=e),n&&(a=a>>n%8);var c=0;n%8+e>=8&&(c=s(0,i(t[o])&a,l));for(var u=e+n>>3,d=o+1;d<u;d++)c=s(c,i(t[d]),8);var m=(e+n)%8;return m>0&&(c=s(c,i(t[u])>>8-m,m)),c},cr=function(t,e,n){var r=Math.pow(2,n-1)-1,s=E(t,1),o=E(t,n,1);if(o===0)return 0;var i=1,a=function(c,u,d){c===0&&(c=1);for(var m=1;m<=d;m++)i/=2,(u&1<<d-m)>0&&(c+=i);return c},l=E(t,e,n+1,!1,a);return o==Math.pow(2,n+1)-1?l===0?s===0?1/0:-1/0:NaN:(s===0?1:-1)*Math.pow(2,o-r)*l},Mi=function(t){return E(t,1)==1?-1*(E(t,15,1,!0)+1):E(t,15,1)},ar=function(t){return E(t,1)==1?-1*(E(t,31,1,!0)+1):E(t,31,1)},Pi=function(t){return cr(t,23,8)},Ui=function(t){return cr(t,52,11)},Fi=function(t){var e=E(t,16,32);if(e==49152)return NaN;for(var n=Math.pow(1e4,E(t,16,16)),r=0,s=[],o=E(t,16),i=0;i<o;i++)r+=E(t,16,64+16*i)*n,n/=1e4;var a=Math.pow(10,E(t,16,48));return(e===0?1:-1)*Math.round(r*a)/a},lr=function(t,e){var n=E(e,1),r=E(e,63,1),s=new Date((n===0?1:-1)*r/1e3+9466848e5);return t||s.setTime(s.getTime()+s.getTimezoneOffset()*6e4),s.usec=r%1e3,s.getMicroSeconds=function(){return this.usec},s.setMicroSeconds=function(o){this.usec=o},s.getUTCMicroSeconds=function(){return this.usec},s},J=function(t){for(var e=E(t,32),n=E(t,32,32),r=E(t,32,64),s=96,o=[],i=0;i<e;i++)o[i]=E(t,32,s),s+=32,s+=32;var a=function(c){var u=E(t,32,s);if(s+=32,u==4294967295)return null;var d;if(c==23||c==20)return d=E(t,u*8,s),s+=u*8,d;if(c==25)return d=t.toString(this.encoding,s>>3,(s+=u<<3)>>3),d;console.log("ERROR: ElementType not implemented: "+c)},l=function(c,u){var d=[],m;if(c.length>1){var N=c.shift();for(m=0;m<N;m++)d[m]=l(c,u);c.unshift(N)}else for(m=0;m<c[0];m++)d[m]=a(u);return d};return l(o,r)},Hi=function(t){return t.toString("utf8")},$i=function(t){return t===null?null:E(t,8)>0},Bi=function(t){t(20,vi),t(21,Mi),t(23,ar),t(26,ar),t(1700,Fi),t(700,Pi),t(701,Ui),t(16,$i),t(1114,lr.bind(null,!1)),t(1184,lr.bind(null,!0)),t(1e3,J),t(1007,J),t(1016,J),t(1008,J),t(1009,J),t(25,Hi)};ur.exports={init:Bi}});var pr=p((ld,fr)=>{fr.exports={BOOL:16,BYTEA:17,CHAR:18,INT8:20,INT2:21,INT4:23,REGPROC:24,TEXT:25,OID:26,TID:27,XID:28,CID:29,JSON:114,XML:142,PG_NODE_TREE:194,SMGR:210,PATH:602,POLYGON:604,CIDR:650,FLOAT4:700,FLOAT8:701,ABSTIME:702,RELTIME:703,TINTERVAL:704,CIRCLE:718,MACADDR8:774,MONEY:790,MACADDR:829,INET:869,ACLITEM:1033,BPCHAR:1042,VARCHAR:1043,DATE:1082,TIME:1083,TIMESTAMP:1114,TIMESTAMPTZ:1184,INTERVAL:1186,TIMETZ:1266,BIT:1560,VARBIT:1562,NUMERIC:1700,REFCURSOR:1790,REGPROCEDURE:2202,REGOPER:2203,REGOPERATOR:2204,REGCLASS:2205,REGTYPE:2206,UUID:2950,TXID_SNAPSHOT:2970,PG_LSN:3220,PG_NDISTINCT:3361,PG_DEPENDENCIES:3402,TSVECTOR:3614,TSQUERY:3615,GTSVECTOR:3642,REGCONFIG:3734,REGDICTIONARY:3769,JSONB:3802,REGNAMESPACE:4089,REGROLE:4096}});var ee=p(Z=>{var qi=sr(),Wi=dr(),ji=$e(),Gi=pr();Z.getTypeParser=Qi;Z.setTypeParser=Yi;Z.arrayParser=ji;Z.builtins=Gi;var z={text:{},binary:{}};function mr(t){return String(t)}function Qi(t,e){return e=e||"text",z[e]&&z[e][t]||mr}function Yi(t,e,n){typeof e=="function"&&(n=e,e="text"),z[e][t]=n}qi.init(function(t,e){z.text[t]=e});Wi.init(function(t,e){z.binary[t]=e})});var te=p((ud,Xe)=>{"use strict";var hr;try{hr=process.platform==="win32"?process.env.USERNAME:process.env.USER}catch{}Xe.exports={host:"localhost",user:hr,database:void 0,password:null,connectionString:void 0,port:5432,rows:0,binary:!1,max:10,idleTimeoutMillis:3e4,client_encoding:"",ssl:!1,sslnegotiation:void 0,application_name:void 0,fallback_application_name:void 0,options:void 0,parseInputDatesAsUTC:!1,statement_timeout:!1,lock_timeout:!1,idle_in_transaction_session_timeout:!1,query_timeout:!1,connect_timeout:0,keepalives:1,keepalives_idle:0};var B=ee(),Xi=B.getTypeParser(20,"text"),Vi=B.getTypeParser(1016,"text");Xe.exports.__defineSetter__("parseInt8",function(t){B.setTypeParser(20,"text",t?B.getTypeParser(23,"text"):Xi),B.setTypeParser(1016,"text",t?B.getTypeParser(1007,"text"):Vi)})});var ne=p((dd,gr)=>{"use strict";var Ki=te(),Ji=require("util"),{isDate:zi}=require("util/types"),Zi=Ji.deprecate(()=>{},"Sending an invalid date to Postgres is deprecated and will throw an error in the next major version of pg. Ensure any Date object passed as a query parameter is valid.","PG_INVALID_DATE");function ea(t){return'"'+t.replace(/\\/g,"\\\\").replace(/"/g,'\\"')+'"'}function Er(t){let e="{";for(let n=0;n<t.length;n++){n>0&&(e+=",");let r=t[n];r==null?e+="NULL":Array.isArray(r)?e+=Er(r):ArrayBuffer.isView(r)?(r instanceof Buffer||(r=Buffer.from(r.buffer,r.byteOffset,r.byteLength)),e+="\\\\x"+r.toString("hex")):e+=ea(pe(r))}return e+="}",e}var pe=function(t,e){return t==null?null:typeof t=="object"?t instanceof Buffer?t:ArrayBuffer.isView(t)?Buffer.from(t.buffer,t.byteOffset,t.byteLength):zi(t)?(isNaN(t.getTime())&&Zi(),Ki.parseInputDatesAsUTC?ra(t):na(t)):Array.isArray(t)?Er(t):ta(t,e):t.toString()};function ta(t,e){if(t&&typeof t.toPostgres=="function"){if(e=e||[],e.indexOf(t)!==-1)throw new Error('circular reference detected while preparing "'+t+'" for query');return e.push(t),pe(t.toPostgres(pe),e)}return JSON.stringify(t)}function na(t){let e=-t.getTimezoneOffset(),n=t.getFullYear(),r=n<1;r&&(n=Math.abs(n)+1);let s=String(n).padStart(4,"0")+"-"+String(t.getMonth()+1).padStart(2,"0")+"-"+String(t.getDate()).padStart(2,"0")+"T"+String(t.getHours()).padStart(2,"0")+":"+String(t.getMinutes()).padStart(2,"0")+":"+String(t.getSeconds()).padStart(2,"0")+"."+String(t.getMilliseconds()).padStart(3,"0");return e<0?(s+="-",e*=-1):s+="+",s+=String(Math.floor(e/60)).padStart(2,"0")+":"+String(e%60).padStart(2,"0"),r&&(s+=" BC"),s}function ra(t){let e=t.getUTCFullYear(),n=e<1;n&&(e=Math.abs(e)+1);let r=String(e).padStart(4,"0")+"-"+String(t.getUTCMonth()+1).padStart(2,"0")+"-"+String(t.getUTCDate()).padStart(2,"0")+"T"+String(t.getUTCHours()).padStart(2,"0")+":"+String(t.getUTCMinutes()).padStart(2,"0")+":"+String(t.getUTCSeconds()).padStart(2,"0")+"."+String(t.getUTCMilliseconds()).padStart(3,"0");return r+="+00:00",n&&(r+=" BC"),r}function sa(t,e,n){return t=typeof t=="string"?{text:t}:oa(t),e&&(typeof e=="function"?t.callback=e:t.values=e),n&&(t.callback=n),t}function oa(t){return t==null?t:Object.defineProperties(Object.create(Object.getPrototypeOf(t)),Object.getOwnPropertyDescriptors(t))}var ia=function(t){return'"'+t.replace(/"/g,'""')+'"'},aa=function(t){let e=!1,n="'";if(t==null||typeof t!="string")return"''";for(let r=0;r<t.length;r++){let s=t[r];s==="'"?n+=s+s:s==="\\"?(n+=s+s,e=!0):n+=s}return n+="'",e===!0&&(n=" E"+n),n};gr.exports={prepareValue:function(e){return pe(e)},normalizeQueryConfig:sa,escapeIdentifier:ia,escapeLiteral:aa}});var Je=p((fd,_r)=>{var yr=require("crypto");_r.exports={postgresMd5PasswordHash:ca,randomBytes:la,deriveKey:pa,sha256:ua,hashByName:da,hmacSha256:fa,md5:Ve};var Sr=yr.webcrypto||globalThis.crypto,U=Sr.subtle,Ke=new TextEncoder;function la(t){return Sr.getRandomValues(Buffer.alloc(t))}async function Ve(t){try{return yr.createHash("md5").update(t,"utf-8").digest("hex")}catch{let n=typeof t=="string"?Ke.encode(t):t,r=await U.digest("MD5",n);return Array.from(new Uint8Array(r)).map(s=>s.toString(16).padStart(2,"0")).join("")}}async function ca(t,e,n){let r=await Ve(e+t);return"md5"+await Ve(Buffer.concat([Buffer.from(r),n]))}async function ua(t){return await U.digest("SHA-256",t)}async function da(t,e){return await U.digest(t,e)}async function fa(t,e){let n=await U.importKey("raw",t,{name:"HMAC",hash:"SHA-256"},!1,["sign"]);return await U.sign("HMAC",n,Ke.encode(e))}async function pa(t,e,n){let r=await U.importKey("raw",Ke.encode(t),"PBKDF2",!1,["deriveBits"]),s={name:"PBKDF2",hash:"SHA-256",salt:e,iterations:n};return await U.deriveBits(s,r,256,["deriveBits"])}});var wr=p((pd,Nr)=>{Nr.exports=class{}});var Ar=p((hd,Rr)=>{"use strict";var v=Je(),{signatureAlgorithmHashFromCertificate:ma}=wr();function ha(t){let e=/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g,n=/[\u00AD\u034F\u1806\u180B\u180C\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/g;return t.replace(e," ").replace(n,"").normalize("NFKC")}var ze=1e5;function Ea(t,e,n=ze){let r=["SCRAM-SHA-256"];e&&r.unshift("SCRAM-SHA-256-PLUS");let s=r.find(a=>t.includes(a));if(!s)throw new Error("SASL: Only mechanism(s) "+r.join(" and ")+" are supported");if(s==="SCRAM-SHA-256-PLUS"&&typeof e.getPeerCertificate!="function")throw new Error("SASL: Mechanism SCRAM-SHA-256-PLUS requires a certificate");let o=v.randomBytes(18).toString("base64");return{mechanism:s,clientNonce:o,response:(s==="SCRAM-SHA-256-PLUS"?"p=tls-server-end-point":e?"y":"n")+",,n=*,r="+o,message:"SASLInitialResponse",scramMaxIterations:n}}async function ga(t,e,n,r){if(t.message!=="SASLInitialResponse")throw new Error("SASL: Last message was not SASLInitialResponse");if(typeof e!="string")throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string");if(e==="")throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string");if(typeof n!="string")throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: serverData must be a string");let s=_a(n);if(s.nonce.startsWith(t.clientNonce)){if(s.nonce.length===t.clientNonce.length)throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: server nonce is too short")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: server nonce does not start with client nonce");let o=typeof t.scramMaxIterations=="number"?t.scramMaxIterations:ze;if(o!==0&&s.iteration>o)throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count "+s.iteration+" exceeds scramMaxIterations of "+o);let i="n=*,r="+t.clientNonce,a="r="+s.nonce+",s="+s.salt+",i="+s.iteration,l=r?"eSws":"biws";if(t.mechanism==="SCRAM-SHA-256-PLUS"){let kt=r.getPeerCertificate().raw,se=ma(kt);(se==="MD5"||se==="SHA-1")&&(se="SHA-256");let xs=await v.hashByName(se,kt);l=Buffer.concat([Buffer.from("p=tls-server-end-point,,"),Buffer.from(xs)]).toString("base64")}let c="c="+l+",r="+s.nonce,u=i+","+a+","+c,d=Buffer.from(s.salt,"base64"),m=await v.deriveKey(ha(e),d,s.iteration),N=await v.hmacSha256(m,"Client Key"),C=await v.sha256(N),T=await v.hmacSha256(C,u),j=wa(Buffer.from(N),Buffer.from(T)).toString("base64"),Os=await v.hmacSha256(m,"Server Key"),Cs=await v.hmacSha256(Os,u);t.message="SASLResponse",t.serverSignature=Buffer.from(Cs).toString("base64"),t.response=c+",p="+j}function ya(t,e){if(t.message!=="SASLResponse")throw new Error("SASL: Last message was not SASLResponse");if(typeof e!="string")throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: serverData must be a string");let{serverSignature:n}=Na(e);if(n!==t.serverSignature)throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match")}function Sa(t){if(typeof t!="string")throw new TypeError("SASL: text must be a string");return t.split("").map((e,n)=>t.charCodeAt(n)).every(e=>e>=33&&e<=43||e>=45&&e<=126)}function br(t){return/^(?:[a-zA-Z0-9+/]{4})*(?:[a-zA-Z0-9+/]{2}==|[a-zA-Z0-9+/]{3}=)?$/.test(t)}function Tr(t){if(typeof t!="string")throw new TypeError("SASL: attribute pairs text must be a string");return new Map(t.split(",").map(e=>{if(!/^.=/.test(e))throw new Error("SASL: Invalid attribute pair entry");let n=e[0],r=e.substring(2);return[n,r]}))}function _a(t){let e=Tr(t),n=e.get("r");if(n){if(!Sa(n))throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: nonce must only contain printable characters")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: nonce missing");let r=e.get("s");if(r){if(!br(r))throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: salt must be base64")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: salt missing");let s=e.get("i");if(s){if(!/^[1-9][0-9]*$/.test(s))throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: invalid iteration count")}else throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration missing");let o=parseInt(s,10);return{nonce:n,salt:r,iteration:o}}function Na(t){let e=Tr(t),n=e.get("e"),r=e.get("v");if(n)throw new Error(`SASL: SCRAM-SERVER-FINAL-MESSAGE: server returned error: "${n}"`);if(r){if(!br(r))throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature must be base64")}else throw new Error("SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature is missing");return{serverSignature:r}}function wa(t,e){if(!Buffer.isBuffer(t))throw new TypeError("first argument must be a Buffer");if(!Buffer.isBuffer(e))throw new TypeError("second argument must be a Buffer");if(t.length!==e.length)throw new Error("Buffer lengths must match");if(t.length===0)throw new Error("Buffers cannot be empty");return Buffer.from(t.map((n,r)=>t[r]^e[r]))}Rr.exports={startSession:Ea,continueSession:ga,finalizeSession:ya,DEFAULT_MAX_SCRAM_ITERATIONS:ze}});var Ze=p((Ed,Ir)=>{"use strict";var ba=ee();function me(t){this._types=t||ba,this.text={},this.binary={}}me.prototype.getOverrides=function(t){switch(t){case"text":return this.text;case"binary":return this.binary;default:return{}}};me.prototype.setTypeParser=function(t,e,n){typeof e=="function"&&(n=e,e="text"),this.getOverrides(e)[t]=n};me.prototype.getTypeParser=function(t,e){return e=e||"text",this.getOverrides(e)[t]||this._types.getTypeParser(t,e)};Ir.exports=me});var Cr=p((gd,Or)=>{"use strict";function q(t,e={}){if(t.charAt(0)==="/"){let l=t.split(" ");return{host:l[0],database:l[1]}}let n=Object.create(null),r,s=!1;/ |%[^a-f0-9]|%[a-f0-9][^a-f0-9]/i.test(t)&&(t=encodeURI(t).replace(/%25(\d\d)/g,"%$1"));try{try{r=new URL(t,"postgres://base")}catch{r=new URL(t.replace("@/","@___DUMMY___/"),"postgres://base"),s=!0}}catch(l){throw l.input&&(l.input="*****REDACTED*****"),l}for(let l of r.searchParams.entries())n[l[0]]=l[1];if(n.user=n.user||decodeURIComponent(r.username),n.password=n.password||decodeURIComponent(r.password),r.protocol=="socket:")return n.host=decodeURI(r.pathname),n.database=r.searchParams.get("db"),n.client_encoding=r.searchParams.get("encoding"),n;let o=(s?"":r.hostname).replace(/^\[(.+)\]$/,"$1");n.host?o&&/^%2f/i.test(o)&&(r.pathname=o+r.pathname):n.host=decodeURIComponent(o),n.port||(n.port=r.port);let i=r.pathname.slice(1)||null;n.database=i?decodeURI(i):null,(n.ssl==="true"||n.ssl==="1")&&(n.ssl=!0),n.ssl==="0"&&(n.ssl=!1),(n.sslcert||n.sslkey||n.sslrootcert||n.sslmode)&&(n.ssl={}),n.sslnegotiation==="direct"&&n.ssl===void 0&&(n.ssl=!0);let a=n.sslcert||n.sslkey||n.sslrootcert?require("fs"):null;if(n.sslcert&&(n.ssl.cert=a.readFileSync(n.sslcert).toString()),n.sslkey&&(n.ssl.key=a.readFileSync(n.sslkey).toString()),n.sslrootcert&&(n.ssl.ca=a.readFileSync(n.sslrootcert).toString()),e.useLibpqCompat&&n.uselibpqcompat)throw new Error("Both useLibpqCompat and uselibpqcompat are set. Please use only one of them.");if(n.uselibpqcompat==="true"||e.useLibpqCompat)switch(n.sslmode){case"disable":{n.ssl=!1;break}case"prefer":{n.ssl.rejectUnauthorized=!1;break}case"require":{n.sslrootcert?n.ssl.checkServerIdentity=function(){}:n.ssl.rejectUnauthorized=!1;break}case"verify-ca":{if(!n.ssl.ca)throw new Error("SECURITY WARNING: Using sslmode=verify-ca requires specifying a CA with sslrootcert. If a public CA is used, verify-ca allows connections to a server that somebody else may have registered with the CA, making you vulnerable to Man-in-the-Middle attacks. Either specify a custom CA certificate with sslrootcert parameter or use sslmode=verify-full for proper security.");n.ssl.checkServerIdentity=function(){};break}case"verify-full":break}else switch(n.sslmode){case"disable":{n.ssl=!1;break}case"prefer":case"require":case"verify-ca":case"verify-full":{n.sslmode!=="verify-full"&&et(n.sslmode);break}case"no-verify":{n.ssl.rejectUnauthorized=!1;break}}return n}function Ta(t){return Object.entries(t).reduce((n,[r,s])=>(s!=null&&(n[r]=s),n),Object.create(null))}function Lr(t){return Object.entries(t).reduce((n,[r,s])=>{if(r==="ssl"){let o=s;typeof o=="boolean"&&(n[r]=o),typeof o=="object"&&(n[r]=Ta(o))}else if(s!=null)if(r==="port"){if(s!==""){let o=parseInt(s,10);if(isNaN(o))throw new Error(`Invalid ${r}: ${s}`);n[r]=o}}else n[r]=s;return n},Object.create(null))}function Ra(t){return Lr(q(t))}function et(t){!et.warned&&typeof process<"u"&&process.emitWarning&&(et.warned=!0,process.emitWarning(`SECURITY WARNING: The SSL modes 'prefer', 'require', and 'verify-ca' are treated as aliases for 'verify-full'.
In the next major version (pg-connection-string v3.0.0 and pg v9.0.0), these modes will adopt standard libpq semantics, which have weaker security guarantees.

To prepare for this change:
- If you want the current behavior, explicitly use 'sslmode=verify-full'
- If you want libpq compatibility now, use 'uselibpqcompat=true&sslmode=${t}'

See https://www.postgresql.org/docs/current/libpq-ssl.html for libpq SSL mode definitions.`))}Or.exports=q;q.parse=q;q.toClientConfig=Lr;q.parseIntoClientConfig=Ra});var vr=p((yd,Dr)=>{"use strict";var Aa=require("dns"),kr=te(),xr=Cr().parse,w=function(t,e,n){return e[t]?e[t]:(n===void 0?n=process.env["PG"+t.toUpperCase()]:n===!1||(n=process.env[n]),n||kr[t])},Ia=function(){switch(process.env.PGSSLMODE){case"disable":return!1;case"prefer":case"require":case"verify-ca":case"verify-full":return!0;case"no-verify":return{rejectUnauthorized:!1}}return kr.ssl},W=function(t){return"'"+(""+t).replace(/\\/g,"\\\\").replace(/'/g,"\\'")+"'"},A=function(t,e,n){let r=e[n];r!=null&&t.push(n+"="+W(r))},tt=class{constructor(e){if(e=typeof e=="string"?xr(e):e||{},e.connectionString&&(e=Object.assign({},e,xr(e.connectionString))),this.user=w("user",e),this.database=w("database",e),this.database===void 0&&(this.database=this.user),this.port=parseInt(w("port",e),10),this.host=w("host",e),Object.defineProperty(this,"password",{configurable:!0,enumerable:!1,writable:!0,value:w("password",e)}),this.binary=w("binary",e),this.options=w("options",e),this.ssl=typeof e.ssl>"u"?Ia():e.ssl,typeof this.ssl=="string"&&this.ssl==="true"&&(this.ssl=!0),this.ssl==="no-verify"&&(this.ssl={rejectUnauthorized:!1}),this.ssl&&this.ssl.key&&Object.defineProperty(this.ssl,"key",{enumerable:!1}),this.sslnegotiation=w("sslnegotiation",e,"PGSSLNEGOTIATION"),this.sslnegotiation!==void 0&&this.sslnegotiation!=="postgres"&&this.sslnegotiation!=="direct")throw new Error(`Invalid sslnegotiation value: "${this.sslnegotiation}". Valid values are "postgres" and "direct".`);if(this.sslnegotiation==="direct"&&!this.ssl)throw new Error("sslnegotiation=direct requires SSL to be enabled");this.client_encoding=w("client_encoding",e),this.replication=w("replication",e),this.isDomainSocket=!(this.host||"").indexOf("/"),this.application_name=w("application_name",e,"PGAPPNAME"),this.fallback_application_name=w("fallback_application_name",e,!1),this.statement_timeout=w("statement_timeout",e,!1),this.lock_timeout=w("lock_timeout",e,!1),this.idle_in_transaction_session_timeout=w("idle_in_transaction_session_timeout",e,!1),this.query_timeout=w("query_timeout",e,!1),e.connectionTimeoutMillis===void 0?this.connect_timeout=process.env.PGCONNECT_TIMEOUT||0:this.connect_timeout=Math.floor(e.connectionTimeoutMillis/1e3),e.keepAlive===!1?this.keepalives=0:e.keepAlive===!0&&(this.keepalives=1),typeof e.keepAliveInitialDelayMillis=="number"&&(this.keepalives_idle=Math.floor(e.keepAliveInitialDelayMillis/1e3))}getLibpqConnectionString(e){let n=[];A(n,this,"user"),A(n,this,"password"),A(n,this,"port"),A(n,this,"application_name"),A(n,this,"fallback_application_name"),A(n,this,"connect_timeout"),A(n,this,"options");let r=typeof this.ssl=="object"?this.ssl:this.ssl?{sslmode:this.ssl}:{};if(A(n,r,"sslmode"),A(n,r,"sslca"),A(n,r,"sslkey"),A(n,r,"sslcert"),A(n,r,"sslrootcert"),A(n,this,"sslnegotiation"),this.database&&n.push("dbname="+W(this.database)),this.replication&&n.push("replication="+W(this.replication)),this.host&&n.push("host="+W(this.host)),this.isDomainSocket)return e(null,n.join(" "));this.client_encoding&&n.push("client_encoding="+W(this.client_encoding)),Aa.lookup(this.host,function(s,o){return s?e(s,null):(n.push("hostaddr="+W(o)),e(null,n.join(" ")))})}};Dr.exports=tt});var rt=p((Sd,Pr)=>{"use strict";var La=ee(),Mr=/^([A-Za-z]+)(?: (\d+))?(?: (\d+))?/,nt=class{constructor(e,n){this.command=null,this.rowCount=null,this.oid=null,this.rows=[],this.fields=[],this._parsers=void 0,this._types=n,this.RowCtor=null,this.rowAsArray=e==="array",this.rowAsArray&&(this.parseRow=this._parseRowAsArray),this._prebuiltEmptyResultObject=null}addCommandComplete(e){let n;e.text?n=Mr.exec(e.text):n=Mr.exec(e.command),n&&(this.command=n[1],n[3]?(this.oid=parseInt(n[2],10),this.rowCount=parseInt(n[3],10)):n[2]&&(this.rowCount=parseInt(n[2],10)))}_parseRowAsArray(e){let n=new Array(e.length);for(let r=0,s=e.length;r<s;r++){let o=e[r];o!==null?n[r]=this._parsers[r](o):n[r]=null}return n}parseRow(e){let n={...this._prebuiltEmptyResultObject};for(let r=0,s=e.length;r<s;r++){let o=e[r],i=this.fields[r].name;if(o!==null){let a=this.fields[r].format==="binary"?Buffer.from(o):o;n[i]=this._parsers[r](a)}else n[i]=null}return n}addRow(e){this.rows.push(e)}addFields(e){this.fields=e,this.fields.length&&(this._parsers=new Array(e.length));let n=Object.create(null);for(let r=0;r<e.length;r++){let s=e[r];n[s.name]=null,this._types?this._parsers[r]=this._types.getTypeParser(s.dataTypeID,s.format||"text"):this._parsers[r]=La.getTypeParser(s.dataTypeID,s.format||"text")}this._prebuiltEmptyResultObject={...n}}};Pr.exports=nt});var $r=p((_d,Hr)=>{"use strict";var{EventEmitter:Oa}=require("events"),Ur=rt(),Fr=ne(),st=class extends Oa{constructor(e,n,r){super(),e=Fr.normalizeQueryConfig(e,n,r),this.text=e.text,this.values=e.values,this.rows=e.rows,this.types=e.types,this.name=e.name,this.queryMode=e.queryMode,this.binary=e.binary,this.portal=e.portal||"",this.callback=e.callback,this._rowMode=e.rowMode,process.domain&&e.callback&&(this.callback=process.domain.bind(e.callback)),this._result=new Ur(this._rowMode,this.types),this._results=this._result,this._canceledDueToError=!1}requiresPreparation(){return this.queryMode==="extended"||this.name||this.rows?!0:!this.text||!this.values?!1:this.values.length>0}_checkForMultirow(){this._result.command&&(Array.isArray(this._results)||(this._results=[this._result]),this._result=new Ur(this._rowMode,this._result._types),this._results.push(this._result))}handleRowDescription(e){this._checkForMultirow(),this._result.addFields(e.fields),this._accumulateRows=this.callback||!this.listeners("row").length}handleDataRow(e){let n;if(!this._canceledDueToError){try{n=this._result.parseRow(e.fields)}catch(r){this._canceledDueToError=r;return}this.emit("row",n,this._result),this._accumulateRows&&this._result.addRow(n)}}handleCommandComplete(e,n){this._checkForMultirow(),this._result.addCommandComplete(e),this.rows&&n.sync()}handleEmptyQuery(e){this.rows&&e.sync()}handleError(e,n){if(this._canceledDueToError&&(e=this._canceledDueToError,this._canceledDueToError=!1),this.callback)return this.callback(e);this.emit("error",e)}handleReadyForQuery(e){if(this._canceledDueToError)return this.handleError(this._canceledDueToError,e);if(this.callback)try{this.callback(null,this._results)}catch(n){process.nextTick(()=>{throw n})}this.emit("end",this._results)}submit(e){if(typeof this.text!="string"&&typeof this.name!="string")return new Error("A query must have either text or a name. Supplying neither is unsupported.");let n=e.parsedStatements[this.name]||e.submittedNamedStatements[this.name];if(this.text&&n&&this.text!==n)return new Error(`Prepared statements must be unique - '${this.name}' was used for a different statement`);if(this.values&&!Array.isArray(this.values))return new Error("Query values must be an array");if(this.requiresPreparation()){e.stream.cork&&e.stream.cork();try{this.prepare(e)}finally{e.stream.uncork&&e.stream.uncork()}}else e.query(this.text);return null}hasBeenParsed(e){return this.name&&(e.parsedStatements[this.name]!==void 0||e.submittedNamedStatements[this.name]!==void 0)}handlePortalSuspended(e){this._getRows(e,this.rows)}_getRows(e,n){e.execute({portal:this.portal,rows:n}),n?e.flush():e.sync()}prepare(e){this.hasBeenParsed(e)||(e.parse({text:this.text,name:this.name,types:this.types}),this.name&&(e.submittedNamedStatements[this.name]=this.text));try{e.bind({portal:this.portal,statement:this.name,values:this.values,binary:this.binary,valueMapper:Fr.prepareValue})}catch(n){e.close({type:"S",name:this.name}),e.sync(),this.handleError(n,e);return}e.describe({type:"P",name:this.portal||""}),this._getRows(e,this.rows)}handleCopyInResponse(e){e.sendCopyFail("No source stream defined")}handleCopyData(e,n){}};Hr.exports=st});var St=p(f=>{"use strict";Object.defineProperty(f,"__esModule",{value:!0});f.NoticeMessage=f.DataRowMessage=f.CommandCompleteMessage=f.ReadyForQueryMessage=f.NotificationResponseMessage=f.BackendKeyDataMessage=f.AuthenticationMD5Password=f.ParameterStatusMessage=f.ParameterDescriptionMessage=f.RowDescriptionMessage=f.Field=f.CopyResponse=f.CopyDataMessage=f.DatabaseError=f.copyDone=f.emptyQuery=f.replicationStart=f.portalSuspended=f.noData=f.closeComplete=f.bindComplete=f.parseComplete=void 0;f.parseComplete={name:"parseComplete",length:5};f.bindComplete={name:"bindComplete",length:5};f.closeComplete={name:"closeComplete",length:5};f.noData={name:"noData",length:5};f.portalSuspended={name:"portalSuspended",length:5};f.replicationStart={name:"replicationStart",length:4};f.emptyQuery={name:"emptyQuery",length:4};f.copyDone={name:"copyDone",length:4};var ot=class extends Error{constructor(e,n,r){super(e),this.length=n,this.name=r}};f.DatabaseError=ot;var it=class{constructor(e,n){this.length=e,this.chunk=n,this.name="copyData"}};f.CopyDataMessage=it;var at=class{constructor(e,n,r,s){this.length=e,this.name=n,this.binary=r,this.columnTypes=new Array(s)}};f.CopyResponse=at;var lt=class{constructor(e,n,r,s,o,i,a){this.name=e,this.tableID=n,this.columnID=r,this.dataTypeID=s,this.dataTypeSize=o,this.dataTypeModifier=i,this.format=a}};f.Field=lt;var ct=class{constructor(e,n){this.length=e,this.fieldCount=n,this.name="rowDescription",this.fields=new Array(this.fieldCount)}};f.RowDescriptionMessage=ct;var ut=class{constructor(e,n){this.length=e,this.parameterCount=n,this.name="parameterDescription",this.dataTypeIDs=new Array(this.parameterCount)}};f.ParameterDescriptionMessage=ut;var dt=class{constructor(e,n,r){this.length=e,this.parameterName=n,this.parameterValue=r,this.name="parameterStatus"}};f.ParameterStatusMessage=dt;var ft=class{constructor(e,n){this.length=e,this.salt=n,this.name="authenticationMD5Password"}};f.AuthenticationMD5Password=ft;var pt=class{constructor(e,n,r){this.length=e,this.processID=n,this.secretKey=r,this.name="backendKeyData"}};f.BackendKeyDataMessage=pt;var mt=class{constructor(e,n,r,s){this.length=e,this.processId=n,this.channel=r,this.payload=s,this.name="notification"}};f.NotificationResponseMessage=mt;var ht=class{constructor(e,n){this.length=e,this.status=n,this.name="readyForQuery"}};f.ReadyForQueryMessage=ht;var Et=class{constructor(e,n){this.length=e,this.text=n,this.name="commandComplete"}};f.CommandCompleteMessage=Et;var gt=class{constructor(e,n){this.length=e,this.fields=n,this.name="dataRow",this.fieldCount=n.length}};f.DataRowMessage=gt;var yt=class{constructor(e,n){this.length=e,this.message=n,this.name="notice"}};f.NoticeMessage=yt});var Br=p(he=>{"use strict";Object.defineProperty(he,"__esModule",{value:!0});he.Writer=void 0;var _t=class{constructor(e=256){this.size=e,this.offset=5,this.headerPosition=0,this.buffer=Buffer.allocUnsafe(e)}ensure(e){if(this.buffer.length-this.offset<e){let r=this.buffer,s=r.length+(r.length>>1)+e;this.buffer=Buffer.allocUnsafe(s),r.copy(this.buffer,0,0,this.offset)}}addInt32(e){return this.ensure(4),this.buffer[this.offset++]=e>>>24&255,this.buffer[this.offset++]=e>>>16&255,this.buffer[this.offset++]=e>>>8&255,this.buffer[this.offset++]=e>>>0&255,this}addInt16(e){return this.ensure(2),this.buffer[this.offset++]=e>>>8&255,this.buffer[this.offset++]=e>>>0&255,this}addCString(e){if(!e)this.ensure(1);else{let n=Buffer.byteLength(e);this.ensure(n+1),this.buffer.write(e,this.offset,"utf-8"),this.offset+=n}return this.buffer[this.offset++]=0,this}addString(e=""){let n=Buffer.byteLength(e);return this.ensure(n),this.buffer.write(e,this.offset),this.offset+=n,this}addInt32PrefixedString(e){let n=Buffer.byteLength(e);this.ensure(4+n);let r=this.buffer,s=this.offset;return r[s++]=n>>>24&255,r[s++]=n>>>16&255,r[s++]=n>>>8&255,r[s++]=n>>>0&255,r.write(e,s,"utf-8"),this.offset=s+n,this}add(e){return this.ensure(e.length),e.copy(this.buffer,this.offset),this.offset+=e.length,this}reserveUnsafe(e){let n=this.offset;return this.ensure(e),this.offset+=e,n}join(e){if(e){this.buffer[this.headerPosition]=e;let n=this.offset-(this.headerPosition+1);this.buffer.writeInt32BE(n,this.headerPosition+1)}return this.buffer.slice(e?0:5,this.offset)}flush(e){let n=this.join(e);return this.offset=5,this.headerPosition=0,this.buffer=Buffer.allocUnsafe(this.size),n}clear(){this.offset=5,this.headerPosition=0}};he.Writer=_t});var jr=p(ge=>{"use strict";Object.defineProperty(ge,"__esModule",{value:!0});ge.serialize=void 0;var qr=Br(),h=new qr.Writer,Ca=t=>{h.addInt16(3).addInt16(0);for(let r of Object.keys(t))h.addCString(r).addCString(t[r]);h.addCString("client_encoding").addCString("UTF8");let e=h.addCString("").flush(),n=e.length+4;return new qr.Writer().addInt32(n).add(e).flush()},xa=()=>{let t=Buffer.allocUnsafe(8);return t.writeInt32BE(8,0),t.writeInt32BE(80877103,4),t},ka=t=>h.addCString(t).flush(112),Da=function(t,e){return h.addCString(t).addInt32PrefixedString(e),h.flush(112)},va=function(t){return h.addString(t).flush(112)},Ma=t=>h.addCString(t).flush(81),Wr=[],Pa=t=>{let e=t.name||"";e.length>63&&(console.error("Warning! Postgres only supports 63 characters for query names."),console.error("You supplied %s (%s)",e,e.length),console.error("This can cause conflicts and silent errors executing queries"));let n=t.types||Wr,r=n.length,s=h.addCString(e).addCString(t.text).addInt16(r);for(let o=0;o<r;o++)s.addInt32(n[o]);return h.flush(80)},Ua=function(t,e,n){let r=t.length;for(let s=0;s<r;s++){let o=e?e(t[s],s):t[s],i=0;o==null?h.addInt32(-1):o instanceof Buffer?(i=1,h.addInt32(o.length),h.add(o)):h.addInt32PrefixedString(o);let a=h.buffer;a[n++]=0,a[n++]=i}},Fa=(t={})=>{let e=t.portal||"",n=t.statement||"",r=t.binary||!1,s=t.values||Wr,o=s.length;h.addCString(e).addCString(n),h.addInt16(o);let i=h.reserveUnsafe(o*2);h.addInt16(o);try{Ua(s,t.valueMapper,i)}catch(a){throw h.clear(),a}return h.addInt16(1),h.addInt16(r?1:0),h.flush(66)},Ha=Buffer.from([69,0,0,0,9,0,0,0,0,0]),$a=t=>{if(!t||!t.portal&&!t.rows)return Ha;let e=t.portal||"",n=t.rows||0,r=Buffer.byteLength(e),s=4+r+1+4,o=Buffer.allocUnsafe(1+s);return o[0]=69,o.writeInt32BE(s,1),o.write(e,5,"utf-8"),o[r+5]=0,o.writeUInt32BE(n,o.length-4),o},Ba=(t,e)=>{let n=Buffer.allocUnsafe(16);return n.writeInt32BE(16,0),n.writeInt16BE(1234,4),n.writeInt16BE(5678,6),n.writeInt32BE(t,8),n.writeInt32BE(e,12),n},Nt=(t,e)=>{let r=4+Buffer.byteLength(e)+1,s=Buffer.allocUnsafe(1+r);return s[0]=t,s.writeInt32BE(r,1),s.write(e,5,"utf-8"),s[r]=0,s},qa=h.addCString("P").flush(68),Wa=h.addCString("S").flush(68),ja=t=>t.name?Nt(68,`${t.type}${t.name||""}`):t.type==="P"?qa:Wa,Ga=t=>{let e=`${t.type}${t.name||""}`;return Nt(67,e)},Qa=t=>h.add(t).flush(100),Ya=t=>Nt(102,t),Ee=t=>Buffer.from([t,0,0,0,4]),Xa=Ee(72),Va=Ee(83),Ka=Ee(88),Ja=Ee(99),za={startup:Ca,password:ka,requestSsl:xa,sendSASLInitialResponseMessage:Da,sendSCRAMClientFinalMessage:va,query:Ma,parse:Pa,bind:Fa,execute:$a,describe:ja,close:Ga,flush:()=>Xa,sync:()=>Va,end:()=>Ka,copyData:Qa,copyDone:()=>Ja,copyFail:Ya,cancel:Ba};ge.serialize=za});var Gr=p(ye=>{"use strict";Object.defineProperty(ye,"__esModule",{value:!0});ye.BufferReader=void 0;var wt=class{constructor(e=0){this.offset=e,this.buffer=Buffer.allocUnsafe(0),this.encoding="utf-8"}setBuffer(e,n){this.offset=e,this.buffer=n}int16(){let e=this.buffer.readInt16BE(this.offset);return this.offset+=2,e}byte(){let e=this.buffer[this.offset];return this.offset++,e}int32(){let e=this.buffer.readInt32BE(this.offset);return this.offset+=4,e}uint32(){let e=this.buffer.readUInt32BE(this.offset);return this.offset+=4,e}string(e){let n=this.buffer.toString(this.encoding,this.offset,this.offset+e);return this.offset+=e,n}cstring(){let e=this.offset,n=e;for(;this.buffer[n++];);return this.offset=n,this.buffer.toString(this.encoding,e,n-1)}bytes(e){let n=this.buffer.slice(this.offset,this.offset+e);return this.offset+=e,n}};ye.BufferReader=wt});var Vr=p(Se=>{"use strict";Object.defineProperty(Se,"__esModule",{value:!0});Se.Parser=void 0;var g=St(),Za=Gr(),Tt=1,el=4,Qr=Tt+el,I=-1,bt=Buffer.allocUnsafe(0),Rt=class{constructor(e){if(this.buffer=bt,this.bufferLength=0,this.bufferOffset=0,this.reader=new Za.BufferReader,e?.mode==="binary")throw new Error("Binary mode not supported yet");this.mode=e?.mode||"text"}parse(e,n){this.mergeBuffer(e);let r=this.bufferOffset+this.bufferLength,s=this.bufferOffset;for(;s+Qr<=r;){let o=this.buffer[s],i=this.buffer.readUInt32BE(s+Tt),a=Tt+i;if(a+s<=r){let l=this.handlePacket(s+Qr,o,i,this.buffer);n(l),s+=a}else break}s===r?(this.buffer=bt,this.bufferLength=0,this.bufferOffset=0):(this.bufferLength=r-s,this.bufferOffset=s)}mergeBuffer(e){if(this.bufferLength>0){let n=this.bufferLength+e.byteLength;if(n+this.bufferOffset>this.buffer.byteLength){let s;if(n<=this.buffer.byteLength&&this.bufferOffset>=this.bufferLength)s=this.buffer;else{let o=this.buffer.byteLength*2;for(;n>=o;)o*=2;s=Buffer.allocUnsafe(o)}this.buffer.copy(s,0,this.bufferOffset,this.bufferOffset+this.bufferLength),this.buffer=s,this.bufferOffset=0}e.copy(this.buffer,this.bufferOffset+this.bufferLength),this.bufferLength=n}else this.buffer=e,this.bufferOffset=0,this.bufferLength=e.byteLength}handlePacket(e,n,r,s){let{reader:o}=this;o.setBuffer(e,s);let i;switch(n){case 50:i=g.bindComplete;break;case 49:i=g.parseComplete;break;case 51:i=g.closeComplete;break;case 110:i=g.noData;break;case 115:i=g.portalSuspended;break;case 99:i=g.copyDone;break;case 87:i=g.replicationStart;break;case 73:i=g.emptyQuery;break;case 68:i=ul(o);break;case 67:i=nl(o);break;case 90:i=tl(o);break;case 65:i=il(o);break;case 82:i=pl(o,r);break;case 83:i=dl(o);break;case 75:i=fl(o);break;case 69:i=Yr(o,"error");break;case 78:i=Yr(o,"notice");break;case 84:i=al(o);break;case 116:i=cl(o);break;case 71:i=sl(o);break;case 72:i=ol(o);break;case 100:i=rl(o,r);break;default:return new g.DatabaseError("received invalid response: "+n.toString(16),r,"error")}return o.setBuffer(0,bt),i.length=r,i}};Se.Parser=Rt;var tl=t=>{let e=t.string(1);return new g.ReadyForQueryMessage(I,e)},nl=t=>{let e=t.cstring();return new g.CommandCompleteMessage(I,e)},rl=(t,e)=>{let n=t.bytes(e-4);return new g.CopyDataMessage(I,n)},sl=t=>Xr(t,"copyInResponse"),ol=t=>Xr(t,"copyOutResponse"),Xr=(t,e)=>{let n=t.byte()!==0,r=t.int16(),s=new g.CopyResponse(I,e,n,r);for(let o=0;o<r;o++)s.columnTypes[o]=t.int16();return s},il=t=>{let e=t.int32(),n=t.cstring(),r=t.cstring();return new g.NotificationResponseMessage(I,e,n,r)},al=t=>{let e=t.int16(),n=new g.RowDescriptionMessage(I,e);for(let r=0;r<e;r++)n.fields[r]=ll(t);return n},ll=t=>{let e=t.cstring(),n=t.uint32(),r=t.int16(),s=t.uint32(),o=t.int16(),i=t.int32(),a=t.int16()===0?"text":"binary";return new g.Field(e,n,r,s,o,i,a)},cl=t=>{let e=t.int16(),n=new g.ParameterDescriptionMessage(I,e);for(let r=0;r<e;r++)n.dataTypeIDs[r]=t.uint32();return n},ul=t=>{let e=t.int16(),n=new Array(e);for(let r=0;r<e;r++){let s=t.int32();n[r]=s===-1?null:t.string(s)}return new g.DataRowMessage(I,n)},dl=t=>{let e=t.cstring(),n=t.cstring();return new g.ParameterStatusMessage(I,e,n)},fl=t=>{let e=t.int32(),n=t.int32();return new g.BackendKeyDataMessage(I,e,n)},pl=(t,e)=>{let n=t.int32(),r={name:"authenticationOk",length:e};switch(n){case 0:break;case 3:r.length===8&&(r.name="authenticationCleartextPassword");break;case 5:if(r.length===12){r.name="authenticationMD5Password";let s=t.bytes(4);return new g.AuthenticationMD5Password(I,s)}break;case 10:{r.name="authenticationSASL",r.mechanisms=[];let s;do s=t.cstring(),s&&r.mechanisms.push(s);while(s)}break;case 11:r.name="authenticationSASLContinue",r.data=t.string(e-8);break;case 12:r.name="authenticationSASLFinal",r.data=t.string(e-8);break;default:throw new Error("Unknown authenticationOk message type "+n)}return r},Yr=(t,e)=>{let n={},r=t.string(1);for(;r!=="\0";)n[r]=t.cstring(),r=t.string(1);let s=n.M,o=e==="notice"?new g.NoticeMessage(I,s):new g.DatabaseError(s,I,e);return o.severity=n.S,o.code=n.C,o.detail=n.D,o.hint=n.H,o.position=n.P,o.internalPosition=n.p,o.internalQuery=n.q,o.where=n.W,o.schema=n.s,o.table=n.t,o.column=n.c,o.dataType=n.d,o.constraint=n.n,o.file=n.F,o.line=n.L,o.routine=n.R,o}});var At=p(F=>{"use strict";Object.defineProperty(F,"__esModule",{value:!0});F.DatabaseError=F.serialize=void 0;F.parse=gl;var ml=St();Object.defineProperty(F,"DatabaseError",{enumerable:!0,get:function(){return ml.DatabaseError}});var hl=jr();Object.defineProperty(F,"serialize",{enumerable:!0,get:function(){return hl.serialize}});var El=Vr();function gl(t,e){let n=new El.Parser;return t.on("data",r=>n.parse(r,e)),new Promise(r=>t.on("end",()=>r()))}});var Jr=p((Id,Kr)=>{Kr.exports=class{}});var Zr=p((Od,zr)=>{var{getStream:yl,getSecureStream:Sl}=bl();zr.exports={getStream:yl,getSecureStream:Sl};function _l(){function t(n){let r=require("net");return new r.Socket}function e(n){return require("tls").connect(n)}return{getStream:t,getSecureStream:e}}function Nl(){function t(n){let{CloudflareSocket:r}=Jr();return new r(n)}function e(n){return n.socket.startTls(n),n.socket}return{getStream:t,getSecureStream:e}}function wl(){if(typeof navigator=="object"&&navigator!==null&&typeof navigator.userAgent=="string")return navigator.userAgent==="Cloudflare-Workers";if(typeof Response=="function"){let t=new Response(null,{cf:{thing:!0}});if(typeof t.cf=="object"&&t.cf!==null&&t.cf.thing)return!0}return!1}function bl(){return wl()?Nl():_l()}});var Lt=p((Cd,ts)=>{"use strict";var Tl=require("events").EventEmitter,{parse:Rl,serialize:S}=At(),es=Zr(),{getStream:Al}=es,Il=S.flush(),Ll=S.sync(),Ol=S.end(),It=class extends Tl{constructor(e){super(),e=e||{},this.stream=e.stream||Al(e.ssl),typeof this.stream=="function"&&(this.stream=this.stream(e)),this._keepAlive=e.keepAlive,this._keepAliveInitialDelayMillis=e.keepAliveInitialDelayMillis,this.parsedStatements={},this.submittedNamedStatements={},this.ssl=e.ssl||!1,this.sslNegotiation=e.sslNegotiation||"postgres",this._ending=!1,this._emitMessage=!1;let n=this;this.on("newListener",function(r){r==="message"&&(n._emitMessage=!0)})}connect(e,n){let r=this;this._connecting=!0,this.stream.setNoDelay(!0),this.stream.connect(e,n),this.stream.once("connect",function(){r._keepAlive&&r.stream.setKeepAlive(!0,r._keepAliveInitialDelayMillis),r.emit("connect")});let s=function(o){r._ending&&(o.code==="ECONNRESET"||o.code==="EPIPE")||r.emit("error",o)};if(this.stream.on("error",s),this.stream.on("close",function(){r.emit("end")}),!this.ssl)return this.attachListeners(this.stream);if(this.sslNegotiation==="direct")return this.stream.once("connect",function(){r.upgradeToSSL(n,s)});this.stream.once("data",function(o){switch(o.toString("utf8")){case"S":break;case"N":return r.stream.end(),r.emit("error",new Error("The server does not support SSL connections"));default:return r.stream.end(),r.emit("error",new Error("There was an error establishing an SSL connection"))}r.upgradeToSSL(n,s)})}upgradeToSSL(e,n){let r=this,s={socket:r.stream,host:e};r.ssl!==!0&&(Object.assign(s,r.ssl),"key"in r.ssl&&(s.key=r.ssl.key)),r.sslNegotiation==="direct"&&(s.ALPNProtocols=["postgresql"]);let o=require("net");o.isIP&&o.isIP(e)===0&&(s.servername=e);try{r.stream=es.getSecureStream(s)}catch(i){return r.emit("error",i)}r.attachListeners(r.stream),r.stream.on("error",n),r.emit("sslconnect")}attachListeners(e){Rl(e,n=>{let r=n.name==="error"?"errorMessage":n.name;this._emitMessage&&this.emit("message",n),this.emit(r,n)})}requestSsl(){this.stream.write(S.requestSsl())}startup(e){this.stream.write(S.startup(e))}cancel(e,n){this._send(S.cancel(e,n))}password(e){this._send(S.password(e))}sendSASLInitialResponseMessage(e,n){this._send(S.sendSASLInitialResponseMessage(e,n))}sendSCRAMClientFinalMessage(e){this._send(S.sendSCRAMClientFinalMessage(e))}_send(e){return this.stream.writable?this.stream.write(e):!1}query(e){this._send(S.query(e))}parse(e){this._send(S.parse(e))}bind(e){this._send(S.bind(e))}execute(e){this._send(S.execute(e))}flush(){this.stream.writable&&this.stream.write(Il)}sync(){this._send(Ll)}ref(){this.stream.ref()}unref(){this.stream.unref()}end(){if(this._ending=!0,!this._connecting||!this.stream.writable){this.stream.end();return}return this.stream.write(Ol,()=>{this.stream.end()})}close(e){this._send(S.close(e))}describe(e){this._send(S.describe(e))}sendCopyFromChunk(e){this._send(S.copyData(e))}endCopyFrom(){this._send(S.copyDone())}sendCopyFail(e){this._send(S.copyFail(e))}};ts.exports=It});var rs=p((xd,ns)=>{ns.exports=class{}});var as=p((Dd,is)=>{var Cl=require("events").EventEmitter,ss=ne(),re=require("util"),_e=Ar(),xl=Ze(),kl=vr(),Ot=$r(),Dl=te(),vl=Lt(),Ml=Je(),os=re.deprecate(()=>{},"Client.activeQuery is deprecated and will be removed in pg@9.0"),Pl=re.deprecate(()=>{},"Client.queryQueue is deprecated and will be removed in pg@9.0."),Ul=re.deprecate(()=>{},"pgpass support is deprecated and will be removed in pg@9.0. You can provide an async function as the password property to the Client/Pool constructor that returns a password instead. Within this function you can call the pgpass module in your own code."),Fl=re.deprecate(()=>{},"Passing a custom Promise implementation to the Client/Pool constructor is deprecated and will be removed in pg@9.0."),Hl=re.deprecate(()=>{},"Calling client.query() when the client is already executing a query is deprecated and will be removed in pg@9.0. Use async/await or an external async flow control mechanism instead.");function $l(t,e){if(typeof t=="number")return Number.isFinite(t)?t:e;if(typeof t=="string"&&t.trim()!==""){let n=Number(t);return Number.isFinite(n)?n:e}return e}var Ne=class extends Cl{constructor(e){super(),this.connectionParameters=new kl(e),this.user=this.connectionParameters.user,this.database=this.connectionParameters.database,this.port=this.connectionParameters.port,this.host=this.connectionParameters.host,Object.defineProperty(this,"password",{configurable:!0,enumerable:!1,writable:!0,value:this.connectionParameters.password}),this.replication=this.connectionParameters.replication;let n=e||{};n.Promise&&Fl(),this._Promise=n.Promise||global.Promise,this._types=new xl(n.types),this._ending=!1,this._ended=!1,this._connecting=!1,this._connected=!1,this._connectionError=!1,this._queryable=!0,this._activeQuery=null,this._txStatus=null,this.enableChannelBinding=!!n.enableChannelBinding,this.scramMaxIterations=$l(n.scramMaxIterations,_e.DEFAULT_MAX_SCRAM_ITERATIONS),this.connection=n.connection||new vl({stream:n.stream,ssl:this.connectionParameters.ssl,sslNegotiation:this.connectionParameters.sslnegotiation,keepAlive:n.keepAlive||!1,keepAliveInitialDelayMillis:n.keepAliveInitialDelayMillis||0,encoding:this.connectionParameters.client_encoding||"utf8"}),this._queryQueue=[],this._sentQueryQueue=[],this.pipeline=!!n.pipeline,this.binary=n.binary||Dl.binary,this.processID=null,this.secretKey=null,this.ssl=this.connectionParameters.ssl||!1,this.sslNegotiation=this.connectionParameters.sslnegotiation||"postgres",this.ssl&&this.ssl.key&&Object.defineProperty(this.ssl,"key",{enumerable:!1}),this._connectionTimeoutMillis=n.connectionTimeoutMillis||0}get activeQuery(){return os(),this._activeQuery}set activeQuery(e){os(),this._activeQuery=e}_getActiveQuery(){return this._activeQuery}_errorAllQueries(e){let n=s=>{process.nextTick(()=>{s.handleError(e,this.connection)})},r=this._getActiveQuery();r&&(n(r),this._activeQuery=null),this._sentQueryQueue.forEach(n),this._sentQueryQueue.length=0,this._queryQueue.forEach(n),this._queryQueue.length=0}_connect(e){let n=this,r=this.connection;if(this._connectionCallback=e,this._connecting||this._connected){let s=new Error("Client has already been connected. You cannot reuse a client.");process.nextTick(()=>{e(s)});return}this._connecting=!0,this._connectionTimeoutMillis>0&&(this.connectionTimeoutHandle=setTimeout(()=>{r._ending=!0,r.stream.destroy(new Error("timeout expired"))},this._connectionTimeoutMillis),this.connectionTimeoutHandle.unref&&this.connectionTimeoutHandle.unref()),this.host&&this.host.indexOf("/")===0?r.connect(this.host+"/.s.PGSQL."+this.port):r.connect(this.port,this.host),r.on("connect",function(){n.ssl?n.sslNegotiation!=="direct"&&r.requestSsl():r.startup(n.getStartupConf())}),r.on("sslconnect",function(){r.startup(n.getStartupConf())}),this._attachListeners(r),r.once("end",()=>{let s=this._ending?new Error("Connection terminated"):new Error("Connection terminated unexpectedly");clearTimeout(this.connectionTimeoutHandle),this._errorAllQueries(s),this._ended=!0,this._ending||(this._connecting&&!this._connectionError?this._connectionCallback?this._connectionCallback(s):this._handleErrorEvent(s):this._connectionError||this._handleErrorEvent(s)),process.nextTick(()=>{this.emit("end")})})}connect(e){if(e){this._connect(e);return}return new this._Promise((n,r)=>{this._connect(s=>{s?r(s):n(this)})})}_attachListeners(e){e.on("authenticationCleartextPassword",this._handleAuthCleartextPassword.bind(this)),e.on("authenticationMD5Password",this._handleAuthMD5Password.bind(this)),e.on("authenticationSASL",this._handleAuthSASL.bind(this)),e.on("authenticationSASLContinue",this._handleAuthSASLContinue.bind(this)),e.on("authenticationSASLFinal",this._handleAuthSASLFinal.bind(this)),e.on("backendKeyData",this._handleBackendKeyData.bind(this)),e.on("error",this._handleErrorEvent.bind(this)),e.on("errorMessage",this._handleErrorMessage.bind(this)),e.on("readyForQuery",this._handleReadyForQuery.bind(this)),e.on("notice",this._handleNotice.bind(this)),e.on("rowDescription",this._handleRowDescription.bind(this)),e.on("dataRow",this._handleDataRow.bind(this)),e.on("portalSuspended",this._handlePortalSuspended.bind(this)),e.on("emptyQuery",this._handleEmptyQuery.bind(this)),e.on("commandComplete",this._handleCommandComplete.bind(this)),e.on("parseComplete",this._handleParseComplete.bind(this)),e.on("copyInResponse",this._handleCopyInResponse.bind(this)),e.on("copyData",this._handleCopyData.bind(this)),e.on("notification",this._handleNotification.bind(this))}_getPassword(e){let n=this.connection;if(typeof this.password=="function")this._Promise.resolve().then(()=>this.password(this.connectionParameters)).then(r=>{if(r!==void 0){if(typeof r!="string"){n.emit("error",new TypeError("Password must be a string"));return}this.connectionParameters.password=this.password=r}else this.connectionParameters.password=this.password=null;e()}).catch(r=>{n.emit("error",r)});else if(this.password!==null)e();else try{rs()(this.connectionParameters,s=>{s!==void 0&&(Ul(),this.connectionParameters.password=this.password=s),e()})}catch(r){this.emit("error",r)}}_handleAuthCleartextPassword(e){this._getPassword(()=>{this.connection.password(this.password)})}_handleAuthMD5Password(e){this._getPassword(async()=>{try{let n=await Ml.postgresMd5PasswordHash(this.user,this.password,e.salt);this.connection.password(n)}catch(n){this.emit("error",n)}})}_handleAuthSASL(e){this._getPassword(()=>{try{this.saslSession=_e.startSession(e.mechanisms,this.enableChannelBinding&&this.connection.stream,this.scramMaxIterations),this.connection.sendSASLInitialResponseMessage(this.saslSession.mechanism,this.saslSession.response)}catch(n){this.connection.emit("error",n)}})}async _handleAuthSASLContinue(e){try{await _e.continueSession(this.saslSession,this.password,e.data,this.enableChannelBinding&&this.connection.stream),this.connection.sendSCRAMClientFinalMessage(this.saslSession.response)}catch(n){this.connection.emit("error",n)}}_handleAuthSASLFinal(e){try{_e.finalizeSession(this.saslSession,e.data),this.saslSession=null}catch(n){this.connection.emit("error",n)}}_handleBackendKeyData(e){this.processID=e.processID,this.secretKey=e.secretKey}_handleReadyForQuery(e){this._connecting&&(this._connecting=!1,this._connected=!0,clearTimeout(this.connectionTimeoutHandle),this._connectionCallback&&(this._connectionCallback(null,this),this._connectionCallback=null),this.emit("connect"));let n=this._getActiveQuery();this._activeQuery=null,this._txStatus=e?.status??null,this.readyForQuery=!0,n&&n.handleReadyForQuery(this.connection),this._pulseQueryQueue()}_handleErrorWhileConnecting(e){if(!this._connectionError){if(this._connectionError=!0,clearTimeout(this.connectionTimeoutHandle),this._connectionCallback)return this._connectionCallback(e);this.emit("error",e)}}_handleErrorEvent(e){if(this._connecting)return this._handleErrorWhileConnecting(e);this._queryable=!1,this._errorAllQueries(e),this.emit("error",e)}_handleErrorMessage(e){if(this._connecting)return this._handleErrorWhileConnecting(e);let n=this._getActiveQuery();if(!n){this._handleErrorEvent(e);return}this._activeQuery=null,n.name&&delete this.connection.submittedNamedStatements[n.name],n.handleError(e,this.connection)}_handleRowDescription(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected rowDescription message from backend.");this._handleErrorEvent(r);return}n.handleRowDescription(e)}_handleDataRow(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected dataRow message from backend.");this._handleErrorEvent(r);return}n.handleDataRow(e)}_handlePortalSuspended(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected portalSuspended message from backend.");this._handleErrorEvent(r);return}n.handlePortalSuspended(this.connection)}_handleEmptyQuery(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected emptyQuery message from backend.");this._handleErrorEvent(r);return}n.handleEmptyQuery(this.connection)}_handleCommandComplete(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected commandComplete message from backend.");this._handleErrorEvent(r);return}n.handleCommandComplete(e,this.connection)}_handleParseComplete(){let e=this._getActiveQuery();if(e==null){let n=new Error("Received unexpected parseComplete message from backend.");this._handleErrorEvent(n);return}e.name&&(this.connection.parsedStatements[e.name]=e.text,delete this.connection.submittedNamedStatements[e.name])}_handleCopyInResponse(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected copyInResponse message from backend.");this._handleErrorEvent(r);return}n.handleCopyInResponse(this.connection)}_handleCopyData(e){let n=this._getActiveQuery();if(n==null){let r=new Error("Received unexpected copyData message from backend.");this._handleErrorEvent(r);return}n.handleCopyData(e,this.connection)}_handleNotification(e){this.emit("notification",e)}_handleNotice(e){this.emit("notice",e)}getStartupConf(){let e=this.connectionParameters,n={user:e.user,database:e.database},r=e.application_name||e.fallback_application_name;return r&&(n.application_name=r),e.replication&&(n.replication=""+e.replication),e.statement_timeout&&(n.statement_timeout=String(parseInt(e.statement_timeout,10))),e.lock_timeout&&(n.lock_timeout=String(parseInt(e.lock_timeout,10))),e.idle_in_transaction_session_timeout&&(n.idle_in_transaction_session_timeout=String(parseInt(e.idle_in_transaction_session_timeout,10))),e.options&&(n.options=e.options),n}cancel(e,n){if(e.activeQuery===n){let r=this.connection;this.host&&this.host.indexOf("/")===0?r.connect(this.host+"/.s.PGSQL."+this.port):r.connect(this.port,this.host),r.on("connect",function(){r.cancel(e.processID,e.secretKey)})}else e._queryQueue.indexOf(n)!==-1?e._queryQueue.splice(e._queryQueue.indexOf(n),1):e._sentQueryQueue.indexOf(n)!==-1&&(n.callback=()=>{})}setTypeParser(e,n,r){return this._types.setTypeParser(e,n,r)}getTypeParser(e,n){return this._types.getTypeParser(e,n)}escapeIdentifier(e){return ss.escapeIdentifier(e)}escapeLiteral(e){return ss.escapeLiteral(e)}_pulseQueryQueue(){if(this.pipeline){this._pulsePipelinedQueryQueue();return}if(this.readyForQuery===!0){this._activeQuery=this._queryQueue.shift();let e=this._getActiveQuery();if(e){this.readyForQuery=!1,this.hasExecuted=!0;let n=e.submit(this.connection);n&&process.nextTick(()=>{e.handleError(n,this.connection),this.readyForQuery=!0,this._pulseQueryQueue()})}else this.hasExecuted&&(this._activeQuery=null,this.emit("drain"))}}_pulsePipelinedQueryQueue(){if(!(!this._connected||!this._queryable)){for(;this._queryQueue.length>0;){let e=this._queryQueue.shift();this.hasExecuted=!0;let n=e.submit(this.connection);if(n){process.nextTick(()=>{e.handleError(n,this.connection)});continue}this._sentQueryQueue.push(e)}this.readyForQuery&&!this._activeQuery&&this._sentQueryQueue.length>0&&(this._activeQuery=this._sentQueryQueue.shift(),this.readyForQuery=!1),!this._activeQuery&&this._sentQueryQueue.length===0&&this._queryQueue.length===0&&this.hasExecuted&&this.emit("drain")}}query(e,n,r){let s,o;if(e==null)throw new TypeError("Client was passed a null or undefined query");if(typeof e.submit=="function")o=s=e,s.callback||(typeof n=="function"?s.callback=n:r&&(s.callback=r));else if(s=new Ot(e,n,r),!s.callback)o=new this._Promise((a,l)=>{s.callback=(c,u)=>c?l(c):a(u)}).catch(a=>{throw Error.captureStackTrace(a),a});else if(typeof s.callback!="function")throw new TypeError("callback is not a function");let i=e.query_timeout||this.connectionParameters.query_timeout;if(i){let a=s.callback||(()=>{}),l=setTimeout(()=>{let c=new Error("Query read timeout");process.nextTick(()=>{s.handleError(c,this.connection)}),a(c),s.callback=()=>{};let u=this._queryQueue.indexOf(s);if(u>-1)this._queryQueue.splice(u,1);else if(this.pipeline){this.connection.stream.destroy();return}this._pulseQueryQueue()},i);s.callback=(c,u)=>{clearTimeout(l),a(c,u)}}if(this.binary&&!s.binary&&(s.binary=!0),s._result&&!s._result._types&&(s._result._types=this._types),this.pipeline){let a=typeof e.submit=="function"&&!(s instanceof Ot)?"Custom query classes such as pg-cursor and pg-query-stream are":s.rows?"The `rows` option is":null;if(a)return process.nextTick(()=>{s.handleError(new Error(`${a} not supported in pipeline mode`),this.connection)}),o}return this._queryable?this._ending?(process.nextTick(()=>{s.handleError(new Error("Client was closed and is not queryable"),this.connection)}),o):(this._queryQueue.length>0&&!this.pipeline&&Hl(),this._queryQueue.push(s),this._pulseQueryQueue(),o):(process.nextTick(()=>{s.handleError(new Error("Client has encountered a connection error and is not queryable"),this.connection)}),o)}ref(){this.connection.ref()}unref(){this.connection.unref()}getTransactionStatus(){return this._txStatus}end(e){if(this._ending=!0,!this.connection._connecting||this._ended)if(e){e();return}else return this._Promise.resolve();if(this._queryable?this.pipeline&&(this._getActiveQuery()||this._sentQueryQueue.length>0||this._queryQueue.length>0)?this.once("drain",()=>this.connection.end()):this._getActiveQuery()?this.connection.stream.destroy():this.connection.end():this.connection.stream.destroy(),e)this.connection.once("end",e);else return new this._Promise(n=>{this.connection.once("end",n)})}get queryQueue(){return Pl(),this._queryQueue}};Ne.Query=Ot;is.exports=Ne});var cs=p((vd,ls)=>{ls.exports=class{}});var Ct=p((Pd,us)=>{us.exports=class{}});var ms=p((Hd,we)=>{"use strict";var Bl=as(),ql=te(),Wl=Lt(),jl=rt(),Gl=ne(),Ql=cs(),Yl=Ze(),{DatabaseError:Xl}=At(),{escapeIdentifier:Vl,escapeLiteral:Kl}=ne(),Jl=t=>class extends Ql{constructor(n){super(n,t)}},ds=function(t){this.defaults=ql,this.Client=t,this.Query=this.Client.Query,this.Pool=Jl(this.Client),this._pools=[],this.Connection=Wl,this.types=ee(),this.DatabaseError=Xl,this.TypeOverrides=Yl,this.escapeIdentifier=Vl,this.escapeLiteral=Kl,this.Result=jl,this.utils=Gl},fs=Bl,ps=!1;try{ps=!!process.env.NODE_PG_FORCE_NATIVE}catch{}ps&&(fs=Ct());we.exports=new ds(fs);Object.defineProperty(we.exports,"native",{configurable:!0,enumerable:!1,get(){let t=null;try{t=new ds(Ct())}catch(e){if(e.code!=="MODULE_NOT_FOUND")throw e}return Object.defineProperty(we.exports,"native",{value:t}),t}})});var hs={};Dt(hs,{Client:()=>zl,Connection:()=>ec,DatabaseError:()=>rc,Pool:()=>Zl,Query:()=>nc,Result:()=>ic,TypeOverrides:()=>ac,default:()=>cc,defaults:()=>lc,escapeIdentifier:()=>sc,escapeLiteral:()=>oc,types:()=>tc});var L,zl,Zl,ec,tc,nc,rc,sc,oc,ic,ac,lc,cc,Es=Us(()=>{L=Fs(ms(),1),zl=L.default.Client,Zl=L.default.Pool,ec=L.default.Connection,tc=L.default.types,nc=L.default.Query,rc=L.default.DatabaseError,sc=L.default.escapeIdentifier,oc=L.default.escapeLiteral,ic=L.default.Result,ac=L.default.TypeOverrides,lc=L.default.defaults,cc=L.default});var bc={};Dt(bc,{agent:()=>wc,undo:()=>Ls});module.exports=Hs(bc);var y=class extends Error{name="StepFailed";evidence;constructor(e,n,r){super(e,r===void 0?{}:{cause:r}),this.evidence=n}};function H(t){return String(t).padStart(4,"0")}var Mt=require("node:crypto");var Oc=new Set(["all analyse analyze and any array as asc asymmetric authorization between binary both case cast check collate","collation column concurrently constraint create cross current_catalog current_date current_role current_schema","current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for","foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading","left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing","primary references returning right select session_user similar some symmetric table tablesample then to trailing","true union unique user using variadic verbose when where window with timestamp time interval precision"].flatMap(t=>t.split(" ")));function b(t){return`\`${t.replaceAll("\\","\\\\").replaceAll("`","\\`")}\``}function _(t){return`'${t.replaceAll("\\","\\\\").replaceAll("'","\\'")}'`}var Pt=["CREATE DATABASE IF NOT EXISTS langfuse_rollout ENGINE = Atomic",`CREATE TABLE IF NOT EXISTS langfuse_rollout.archived (
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
  SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`],$s="langfuse_rollout";async function Te(t,e){let[n]=await t(`SELECT count() AS found FROM langfuse_rollout.archived WHERE ${Bs(e)}`);return Number(n?.found)>0}async function Re(t,e,n){let r=[e.rollbackId,e.migration,e.relation,e.column,n.as].map(M);await t(`INSERT INTO langfuse_rollout.archived (rollback_id, migration, relation, \`column\`, stored_as, rows)
     SELECT ${r.join(", ")}, ${n.rows}`)}async function Ae(t,e){return(await t(`SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name IN (${e.map(M).join(", ")})
     AND name NOT IN (SELECT stored_as FROM langfuse_rollout.archived) ORDER BY name`)).map(r=>String(r.name))}async function Ut(t,e){if(e.length===0)return 0;let[n]=await t(`SELECT sum(rows) AS total FROM langfuse_rollout.archived WHERE rollback_id IN (${e.map(M).join(", ")})`);return Number(n?.total??0)}function Ie({relation:t,column:e,migration:n,rollbackId:r},s=1){return`${[t,e,...s===1?[]:[String(s)]].filter(i=>i!=="").join("__")}__${n}${Le(r)}`}function Le(t){return`__${t.replaceAll(/[^A-Za-z0-9]+/g,"_").slice(0,80)}_${(0,Mt.createHash)("sha256").update(t).digest("hex").slice(0,6)}`}function P(t){return`${$s}.${b(t)}`}function Bs({rollbackId:t,migration:e,relation:n,column:r}){return`rollback_id = ${M(t)} AND migration = ${M(e)}
    AND relation = ${M(n)} AND \`column\` = ${M(r)}`}var M=_;function x(t,e){return[...t.matchAll(qs[e])].map(({0:n,groups:r})=>({text:n,kind:r?.quoted!==void 0?"quoted":r?.comment!==void 0?"comment":"code"}))}function Ht(t,e){let n=[],r={text:"",empty:!0};for(let s of x(t,e)){let[o="",...i]=s.kind==="code"?s.text.split(";"):[s.text];r.text+=o,s.kind!=="comment"&&o.trim()!==""&&(r.empty=!1);for(let a of i)n.push(r),r={text:a,empty:a.trim()===""}}return[...n,r].filter(({empty:s})=>!s).map(({text:s})=>s.trim())}var Ft=String.raw`--[^\n]*|/\*[\s\S]*?(?:\*/|$)`,qs={clickhouse:new RegExp([String.raw`(?<quoted>'(?:\\[\s\S]|''|[^'\\])*(?:'|$)|"(?:\\[\s\S]|""|[^"\\])*(?:"|$)|`,"`(?:\\\\[\\s\\S]|``|[^`\\\\])*(?:`|$))",String.raw`|(?<comment>${Ft}|#[ !][^\n]*)|(?<code>[^'"\x60#/-]+|[\s\S])`].join(""),"g"),postgres:new RegExp([String.raw`(?<quoted>\b[eE]'(?:\\[\s\S]|''|[^'\\])*(?:'|$)|'(?:''|[^'])*(?:'|$)|"(?:""|[^"])*(?:"|$)|`,String.raw`(?<![\w$])\$(?<tag>[A-Za-z_]\w*|)\$[\s\S]*?(?:\$\k<tag>\$|$))`,String.raw`|(?<comment>${Ft})|(?<code>[^'"$/eE-]+|[\s\S])`].join(""),"g")};function $t(t){let e=Qs(t),{call:n,list:r}=/^SELECT\s+langfuse_rollout\.(?<call>\w+)\((?<list>[\s\S]*)\)$/.exec(e)?.groups??{};if(n!==void 0)return js(n,Gs(r??"",e),e);let s=Ws.exec(Ys(e))?.[0];if(s!==void 0)throw new Error(`${s} must not be in down SQL: it takes away what is not archived.`);let o=/^ALTER\s+TABLE\s+`?(?<table>\w+)`?\s/i.exec(e)?.groups?.table;return{kind:"sql",sql:e,...o!==void 0&&{table:o}}}function G(t){let e=x(t,"clickhouse").flatMap(({kind:n,text:r})=>n==="code"?r.match(/\w+/g)??[]:n==="quoted"&&!r.startsWith("'")?[r.slice(1,-1).replaceAll(/\\(.)/g,"$1")]:[]);return new Set(e)}var Ws=/\b(DROP\s+(?!INDEX\b|VIEW\b)\w+|TRUNCATE|DELETE|DETACH|RENAME|EXCHANGE|REPLACE|CLEAR|MOVE|ATTACH|MODIFY\s+TTL|langfuse_rollout)\b/i;function js(t,e,n){let[r,...s]=e,[o,i,a]=s;if(e.every(l=>l!=="")&&r!==void 0){if(t==="archive_column"&&o!==void 0&&i!==void 0&&a===void 0)return{kind:"archive-column",table:r,column:o,condition:i};if(t==="drop_columns"&&s.length>0)return{kind:"drop-columns",table:r,columns:s};if(t==="drop_table"&&s.length===0)return{kind:"drop-table",table:r};if(t==="replace_view"&&o!==void 0&&i===void 0)return{kind:"replace-view",table:r,by:o}}throw new Error(`${n} is not a call that down SQL for ClickHouse may make.`)}function Gs(t,e){let n=x(t,"clickhouse"),r=n.map(({kind:s,text:o})=>s==="quoted"&&o[0]==="'"?"s":o.trim());if(!/^s(,s)*$/.test(r.join("")))throw new Error(`${e} takes strings only.`);return n.flatMap(({kind:s,text:o})=>s==="quoted"?[o.slice(1,-1).replaceAll("''","'").replaceAll(/\\(.)/g,"$1")]:[])}function Qs(t){return x(t,"clickhouse").map(({kind:e,text:n})=>e==="comment"?" ":n).join("").trim()}function Ys(t){return x(t,"clickhouse").map(({kind:e,text:n})=>e==="code"?n:" ").join("")}async function Bt(t,e){let n=e.flatMap(o=>o.kind==="drop-table"?[o.table]:[]),r=e.flatMap(o=>o.kind==="drop-columns"&&!n.includes(o.table)?o.columns.map(i=>({table:o.table,column:i})):[]),s=G(e.map(o=>o.kind==="sql"?o.sql:"").join(" "));return[...await Xs(t,{gone:n,columns:r,own:s}),...await Js(t,{columns:r,own:s})]}async function Xs(t,{gone:e,columns:n,own:r}){return(await t(`SELECT database, name, as_select, create_table_query, currentDatabase() AS here FROM system.tables
     WHERE engine = 'MaterializedView' AND database NOT IN ('system', 'langfuse_rollout')`)).flatMap(o=>{let{database:i,name:a,here:l}=o;if(i===l&&r.has(String(a)))return[];let c=String(o.as_select),u=G(c.replaceAll(Vs," "));if(!u.has(String(l)))return[];let d=/(?:\bSELECT|,)\s*(?:\w+\.)?\*/i.test(c),m=`the materialized view ${i}.${a}`,N=n.filter(({table:T,column:j})=>u.has(T)&&(d||u.has(j))),C=Ks(String(o.create_table_query),String(l));return[...N.map(({table:T,column:j})=>`${m} reads ${T}.${j}`),...e.filter(T=>T===C&&!u.has(T)).map(T=>`${m} writes into ${T}`)]})}var Vs=/\bAS\s+(?:\w+|`(?:[^`\\]|\\.)*`)/g;function Ks(t,e){let n=/\sTO\s+(?<database>`(?:[^`\\]|\\.)+`|\w+)\.(?<table>`(?:[^`\\]|\\.)+`|\w+)\s/.exec(t)?.groups,r=(s="")=>[...G(s)][0]??"";return r(n?.database)===e?r(n?.table):void 0}async function Js(t,{columns:e,own:n}){return(await t("SELECT table, name, expr FROM system.data_skipping_indices WHERE database = currentDatabase()")).flatMap(({table:s,name:o,expr:i})=>{if(n.has(String(o)))return[];let a=G(String(i));return e.filter(l=>l.table===s&&a.has(l.column)).map(l=>`the index ${o} on ${s} is about ${l.column}`)})}async function qt(t,e,n){let r=n;for(let s=2;await zs(t,r);s++)r=`${n}-${s}`;await Gt(t,e,"expand",r)}async function zs(t,e){let[n]=await t(`SELECT (SELECT count() FROM langfuse_rollout.archived WHERE rollback_id = ${_(e)})
      + (SELECT count() FROM langfuse_rollout.journal WHERE rollback_id = ${_(e)} AND phase = 'contract')
      + (SELECT count() FROM system.tables
         WHERE database = 'langfuse_rollout' AND endsWith(name, ${_(Le(e))})) AS found`);return Number(n?.found)>0}async function Wt(t,e,n){let r=await t(`SELECT migration, argMaxIf(rollback_id, sequence, phase = 'expand') AS id,
      maxIf(sequence, phase = 'contract') > maxIf(sequence, phase = 'expand') AS over
     FROM langfuse_rollout.journal WHERE migration IN (${e.map(_).join(", ")}) GROUP BY migration`),s=new Map(r.map(o=>[String(o.migration),o]));return new Map(e.map(o=>{let i=s.get(o),a=String(i?.id??"")||n;return[o,{rollbackId:a,isOver:Number(i?.over??0)===1}]}))}async function jt(t,e,n){await Gt(t,[e],"contract",n)}async function Gt(t,e,n,r){await t(`INSERT INTO langfuse_rollout.journal (sequence, migration, phase, rollback_id)
     SELECT (SELECT max(sequence) FROM langfuse_rollout.journal) + 1, arrayJoin([${e.map(_).join(", ")}]),
       ${_(n)}, ${_(r)}`)}async function Qt(t,e){switch(t.kind){case"archive-column":return Zs(t,e);case"drop-columns":return no(t,e);case"drop-table":return ro(t.table,e);case"replace-view":return oo(t,e);case"sql":await e.query(t.sql)}}async function Zs({table:t,column:e,condition:n},r){let{query:s,rollbackId:o,migration:i}=r,a={rollbackId:o,migration:i,relation:t,column:e};if(await Te(s,a))return;let l=Ie(a);if((await Ae(s,[l])).length===0){let c=await Xt(t,s);if(c.every(u=>u.name!==e))return;await eo({entry:a,name:l,condition:n,columns:c},r)}await Yt(a,l,r)}async function eo(t,{query:e}){let{entry:n,name:r,condition:s,columns:o}=t,i=P(`${r}__copying`),a=o.filter(({name:u,isKey:d})=>d||u===n.column),l=a.map(u=>b(u.name)).join(", "),c=a.filter(({inSortingKey:u})=>u).map(u=>b(u.name));await e(`DROP TABLE IF EXISTS ${i}`),await e(`CREATE TABLE ${i} (${a.map(({name:u,type:d,codec:m})=>`${b(u)} ${d} ${m}`).join(", ")})
     ENGINE = MergeTree ORDER BY (${c.join(", ")}) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`),await e(`INSERT INTO ${i} (${l}) SELECT ${l} FROM ${b(n.relation)} WHERE ${s}
     SETTINGS ${to}`),await e(`RENAME TABLE ${i} TO ${P(r)}`)}var to="max_threads = 1, max_insert_threads = 1, max_block_size = 4096, preferred_block_size_bytes = 1000000, preferred_max_column_in_block_size_bytes = 1000000, min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 33554432, max_execution_time = 0, final = 0";async function no({table:t,columns:e},n){let{query:r,rollbackId:s,migration:o}=n,i=new Set((await Xt(t,r)).map(({name:c})=>c)),a=e.filter(c=>i.has(c));for(let c of a)if(!await Te(r,{rollbackId:s,migration:o,relation:t,column:c}))throw new Error(`${t}.${c} is not in the archive, so it is not dropped.`);if(a.length===0)return;let l=a.map(c=>`DROP COLUMN IF EXISTS ${b(c)}`).join(", ");await r(`ALTER TABLE ${b(t)} ${l}${await Vt(t,r)}`)}async function ro(t,e){let{query:n,rollbackId:r,migration:s}=e,o={rollbackId:r,migration:s,relation:t,column:""},i=[1,2,3,4,5,6,7,8,9].map(l=>Ie(o,l)),[a]=await n(`SELECT engine, engine_full FROM system.tables WHERE database = currentDatabase() AND name = ${_(t)}`);a!==void 0&&await so({table:t,found:a,names:i},e);for(let l of await Ae(n,i))await Yt(o,l,e)}async function so(t,{query:e}){let{table:n,found:r,names:s}=t;if(r.engine==="Null"){await e(`DROP TABLE ${b(n)}`);return}/\bTTL\b/.test(ao(String(r.engine_full)))&&await e(`ALTER TABLE ${b(n)} REMOVE TTL${await Vt(n,e)}`);let o=await e(`SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name IN (${s.map(_).join(", ")})`),i=s.find(a=>o.every(l=>l.name!==a));if(i===void 0)throw new Error(`The archive has no name left for ${n}.`);await e(`RENAME TABLE ${b(n)} TO ${P(i)}`)}async function oo({table:t,by:e},{query:n}){let[r,s,o]=[t,e,`${t}__replaced`].map(b);await n(`DROP VIEW IF EXISTS ${o}`),await Oe(t,n)===void 0?await n(`RENAME TABLE ${s} TO ${r}`):await io(t,e,n)||await n(`RENAME TABLE ${r} TO ${o}, ${s} TO ${r}`);for(let i of[s,o])await n(`DROP VIEW IF EXISTS ${i}`)}async function io(t,e,n){let r=await Oe(e,n);return await n(`EXCHANGE TABLES ${b(t)} AND ${b(e)}`).catch(()=>{}),await Oe(t,n)===r}async function Oe(t,e){let[n]=await e(`SELECT toString(uuid) AS uuid FROM system.tables WHERE database = currentDatabase() AND name = ${_(t)}`);return n===void 0?void 0:String(n.uuid)}async function Yt(t,e,{query:n,say:r}){let[s]=await n(`SELECT count() AS rows FROM ${P(e)} SETTINGS final = 0`),o=Number(s?.rows);if(o>0){await Re(n,t,{as:e,rows:o});let i=t.column===""?t.relation:`${t.relation}.${t.column}`;r(`${i}: ${o} rows are now in ${P(e)}`);return}t.column!==""&&await Re(n,t,{as:"",rows:0}),await n(`DROP TABLE IF EXISTS ${P(e)}`)}async function Xt(t,e){return(await e(`SELECT c.name AS name, c.type AS type, c.compression_codec AS codec, c.is_in_sorting_key AS sorts,
       extract(t.engine_full, '^ReplacingMergeTree\\\\(([^,)]+)') AS version
     FROM system.columns AS c
     INNER JOIN (SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name = ${_(t)}) AS t
       ON t.name = c.table
     WHERE c.database = currentDatabase() AND c.table = ${_(t)} ORDER BY c.position`)).map(r=>{let s=Number(r.sorts)===1,o=String(r.name),i=s||o===r.version;return{name:o,type:String(r.type),codec:String(r.codec),inSortingKey:s,isKey:i}})}async function Vt(t,e){let[n]=await e(`SELECT count() AS found FROM system.data_skipping_indices
     WHERE database = currentDatabase() AND table = ${_(t)} AND type = 'text'`);return Number(n?.found)>0?" SETTINGS enable_full_text_index = 1":""}function ao(t){return x(t,"clickhouse").map(({kind:e,text:n})=>e==="code"?n:" ").join("")}function ie(t,e){return Ht(t,e)}function Ce(t){let{index:e,table:n}=co.exec(uo(t))?.groups??{};return e&&n?{index:Kt(e),table:Kt(n)}:void 0}var lo={postgres:["expand","prepare","contract","validate"],clickhouse:["expand","contract"]},Qc=lo.postgres;var co=/^CREATE\s+INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(?<index>"(?:[^"]|"")+"|\w+)\s+ON\s+public\.(?<table>"(?:[^"]|"")+"|\w+)/i;function uo(t){return x(t,"postgres").map(e=>e.kind==="comment"?" ":e.text).join("").trim()}function Kt(t){return t.startsWith('"')?t.slice(1,-1).replaceAll('""','"'):t.toLowerCase()}async function Jt(t,e,n){await en(t,Zt(t,e,n))}async function zt(t,e,n){let r=Zt(t,e,n);return await en(t,r),t.phase==="expand"&&await po(t,r),t.phase==="contract"&&r.files.length>0?mo(r):0}function Zt(t,e,n){return{files:t.clickhouse.map(r=>fo(r,n)),query:r=>e.run(r,{timeoutMs:Math.max(6e4,n.deadline-n.clock.now())}),context:n}}async function en(t,e){if(e.files.length!==0){for(let n of Pt)await e.query(n);t.phase==="expand"&&(t.clickhouseHead!==void 0&&await yo(e.query),await go(e))}}function fo(t,{facts:e}){let n=H(t),r=e.downSql("clickhouse",t)?.sections;if(r===void 0)throw new y(`There is no down SQL for ClickHouse ${n}.`,[]);let s=o=>ie(o,"clickhouse").map($t);try{return{migration:n,expand:s(r.expand),contract:s(r.contract)}}catch(o){throw new y(`The down SQL of ClickHouse ${n} is not usable; nothing was changed.`,[],o)}}async function po(t,{files:e,query:n,context:r}){let s=e.map(({migration:o})=>o);e.length>0&&await qt(n,s,r.rollbackId);for(let{migration:o,expand:i}of e)await tn(i,{query:n,migration:o,rollbackId:"",say:r.say},"expand");t.clickhouseHead!==void 0&&await So(t.clickhouseHead,n,r)}async function mo({files:t,query:e,context:n}){let r=await Wt(e,t.map(({migration:s})=>s),n.rollbackId);for(let[s,{migration:o,contract:i}]of t.entries()){let{rollbackId:a=n.rollbackId,isOver:l=!1}=r.get(o)??{};if(l)continue;let c=ho(t.slice(s+1)),u=i.filter(d=>!Eo(d,c));await tn(u,{query:e,migration:o,rollbackId:a,say:n.say},"contract"),await jt(e,o,a)}return Ut(e,[...new Set([...r.values()].map(({rollbackId:s})=>s))])}function ho(t){return new Set(t.flatMap(e=>e.contract.flatMap(n=>n.kind==="drop-table"?[n.table]:[])))}function Eo(t,e){return t.kind!=="drop-table"&&t.table!==void 0&&e.has(t.table)}async function tn(t,e,n){if(t.length!==0){e.say(`ClickHouse ${e.migration}: ${n}`);for(let r of t)try{await Qt(r,e)}catch(s){throw new y(`The down SQL of ClickHouse ${e.migration}, ${n}, failed. ClickHouse has no transactions: what was done before stays, and running this again goes on from there.`,[],s)}}}async function go({files:t,query:e}){let n=t.flatMap(s=>s.contract);if(n.some(({kind:s})=>s==="drop-table")){let[s]=await e("SELECT name, engine FROM system.databases WHERE name = currentDatabase()");if(s?.engine!=="Atomic")throw new y(`ClickHouse's database ${s?.name} has the engine ${s?.engine}: tables can be moved into the archive only from a database of engine Atomic. Nothing was changed.`,[])}let r=await Bt(e,n);if(r.length!==0)throw new y(`What was made beside Langfuse stands in the way of this rollback: ${r.join("; ")}. Drop it, and run this again. Nothing was changed.`,r)}async function yo(t){let[e]=await t("SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1");if(Number(e?.dirty??0)!==0)throw new y(`ClickHouse's schema_migrations says that version ${e?.version} failed half-way (dirty): repair that first. Nothing was changed.`,[])}async function So(t,e,{clock:n,say:r}){let[s]=await e("SELECT max(sequence) AS newest FROM schema_migrations"),o=BigInt(String(s?.newest??"0")),i=BigInt(n.now())*1000000n,a=i>o?i:o+1n;await e(`INSERT INTO schema_migrations (version, dirty, sequence) VALUES (${t}, 0, ${a})`),r(`ClickHouse's schema_migrations now says ${t}`)}function k(t){if(!(!(t instanceof Error)||!("code"in t)))return typeof t.code=="string"&&/^[0-9A-Z]{5}$/.test(t.code)?t.code:void 0}function xe(t){if(!(t instanceof Error))return[];let{detail:e,hint:n,where:r}=t,s=typeof r=="string"?/^SQL statement "(.{1,300}?)"?$/m.exec(r)?.[1]:void 0;return[k(t)===_o?e:void 0,n,s&&`At the statement: ${s}`].filter(o=>typeof o=="string")}var _o="2BP01";async function rn(t,e){let n=e.flatMap(No);if(n.length===0)return;let r=await t.run(Ao,[n.map(({call:o})=>o),n.map(({name:o})=>o),n.map(({part:o})=>o)]);if(r.length===0)return;let s=r.map(({name:o,is_whole:i})=>`LOCK TABLE ${o} IN ${i===!0?"ACCESS EXCLUSIVE":"SHARE ROW EXCLUSIVE"} MODE;`);await t.run(`DO $locks$
BEGIN
${s.join(`
`)}
END $locks$`)}function No(t){let e=t.replaceAll(/^\s*--.*$/gm,""),n=[...e.matchAll(bo)].flatMap(({groups:s={}})=>{let{call:o="",name:i="",part:a="",definition:l=""}=s,c=o==="add_constraint"&&/^\s*FOREIGN KEY\b/i.test(l);return o in wo?[{call:c?"refer":o,name:nn(i),part:nn(a)}]:[]}),r=[...e.matchAll(To)].map(({groups:s={}})=>({call:s.alter===void 0?"refer":"alter",name:Ro(s.alter??s.on??s.to??""),part:""}));return[...n,...r]}var wo={drop_table:!0,drop_column:!0,drop_constraint:!0,drop_index:!0,add_column:!0,add_constraint:!0,set_not_null:!0,drop_not_null:!0,set_default:!0,rename_table:!0,rename_column:!0,rename_constraint:!0,rename_index:!0,rebuild_enum:!0},ke="(?:[^']|'')+",bo=new RegExp([String.raw`langfuse_rollout\.(?<call>\w+)\(\s*'(?<name>${ke})'`,String.raw`(?:\s*,\s*'(?<part>${ke})')?(?:\s*,\s*'(?<definition>${ke})')?`].join(""),"g"),De=String.raw`(?:public\.)?(?:"[^"]+"|\w+)`,To=new RegExp([String.raw`\bALTER\s+TABLE\s+(?:ONLY\s+)?(?<alter>${De})`,String.raw`\b(?:INDEX|TRIGGER)\b[^;]*?\bON\s+(?<on>${De})`,String.raw`\bREFERENCES\s+(?<to>${De})`].join("|"),"gi");function Ro(t){return t.replace(/^public\./i,"").replaceAll('"',"")}function nn(t){return t.replaceAll("''","'")}var Ao=`
WITH mention AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS m (call, name, part)
), relation AS (
  SELECT c.oid, m.call, m.part FROM mention AS m
  JOIN pg_class AS c ON c.relname = m.name::name AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  WHERE m.call NOT IN ('drop_index', 'rename_index', 'rebuild_enum')
), locked AS (
  SELECT oid, call <> 'refer' AS is_whole FROM relation
  UNION ALL
  SELECT i.indrelid, true FROM mention AS m
  JOIN pg_class AS c ON c.relname = m.name::name AND c.relnamespace = 'public'::regnamespace
  JOIN pg_index AS i ON i.indexrelid = c.oid
  WHERE m.call IN ('drop_index', 'rename_index')
  UNION ALL
  SELECT a.attrelid, true FROM mention AS m
  JOIN pg_type AS t ON t.typname = m.name::name AND t.typnamespace = 'public'::regnamespace
  JOIN pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
  WHERE m.call = 'rebuild_enum'
  UNION ALL
  SELECT k.confrelid, true FROM relation AS r
  JOIN pg_constraint AS k ON k.conrelid = r.oid AND k.contype = 'f'
  WHERE r.call = 'drop_table' OR r.call = 'drop_constraint' AND k.conname = r.part::name
    OR r.call = 'drop_column' AND EXISTS (
      SELECT FROM pg_attribute AS a
      WHERE a.attrelid = r.oid AND a.attname = r.part::name AND a.attnum = ANY (k.conkey))
)
SELECT format('%I.%I', 'public', c.relname) AS name, bool_or(locked.is_whole) AS is_whole
FROM locked JOIN pg_class AS c ON c.oid = locked.oid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND pg_has_role(c.relowner, 'USAGE')
GROUP BY c.oid ORDER BY 1`;var sn=[{signature:"row_as_json(relation oid, columns text[])",returns:"text",comment:`Internal: the SQL that makes jsonb of the row this: of the columns, or of all of them when NULL.
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
END`}];var on=[{signature:"todo_list(relation oid, call text)",returns:"text",comment:`Internal: the name of the temporary table that remembers what a call still has to do when it is to do so
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
END`}];var an=[{signature:"rename_table(old text, new text)",returns:"void",comment:"Renames a table. A second call finds nothing to do; when both are there, PostgreSQL says so.",body:`
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
END`}];var ln=[{signature:"drop_column(relation text, column_name text)",returns:"void",comment:`Drops a column whose values are in the archive, or are put there now. Indexes and constraints that PostgreSQL
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
END`}];var cn=[{signature:"enum_columns(types oid[])",returns:"TABLE (relation oid, number smallint, name text, is_array boolean)",comment:"Internal: the columns of an enum (first of types) or of its arrays (second), but for those in the archive.",body:`
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
END`}];var un=[{signature:"setting(name text)",returns:"text",comment:"Internal: rollback_id or migration.",body:`
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
END`}];var dn=[{signature:"archive_rows(relation text, condition text, reason text)",returns:"bigint",comment:"Copies whole rows into the archive.",body:`
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
END`},{signature:"pause_background_migration(id text)",returns:"void",comment:`Marks a background migration that is not finished as failed, which every release passes over. A worker takes
the first unfinished one by name, and stops at all of them where its image lacks the script. One that is busy with it goes on.`,body:`
BEGIN
  PERFORM langfuse_rollout.rewrite_rows('background_migrations',
    'failed_at = timezone(''UTC'', now()), failed_reason = ''paused by a rollback to a release that does not have its script''',
    format('this.id = %L AND this.finished_at IS NULL AND this.failed_at IS NULL', id),
    'the older worker does not have its script and would stop at it');
END`},{signature:"insert_background_migration(id text, name text, script text, args jsonb)",returns:"void",comment:"Brings a background migration back, as finished: the older worker must not run it.",body:`
BEGIN
  IF langfuse_rollout.table_named('background_migrations') IS NULL THEN RETURN; END IF;
  INSERT INTO public.background_migrations (id, name, script, args, finished_at)
  VALUES (id, name, script, args, now() AT TIME ZONE 'UTC')
  ON CONFLICT DO NOTHING;
END`}];function fn(){return Io([...un,...sn,...on,...dn,...ln,...an,...cn])}function Io(t){return t.map(Oo).join(`

`)}var Lo="SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1";function Oo({signature:t,returns:e,comment:n,body:r}){return[`CREATE OR REPLACE FUNCTION langfuse_rollout.${t} RETURNS ${e}`,`LANGUAGE plpgsql ${Lo} AS $toolbox$`,`-- ${n.replaceAll(`
`,`
-- `)}`,"#variable_conflict use_variable",r.trim(),"$toolbox$;"].join(`
`)}var pn=`
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

${fn()}
`;var mn=`
CREATE TABLE IF NOT EXISTS langfuse_rollout.journal (
  store text NOT NULL CHECK (store IN ('postgres', 'clickhouse')),
  migration text NOT NULL,
  rollback_id text NOT NULL,
  phase text NOT NULL CHECK (phase IN ('expand', 'contract', 'validate')),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (store, migration)
);
`;function ae(t){let e=[];for(let n=t;n!==void 0&&e.length<4;n=Co(n)){let r=hn(n);e.some(s=>s.includes(r))||e.push(r)}return e.join(" Cause: ")}function hn(t){return t instanceof Error?/requestTimeout/.test(t.message)?"AWS did not answer within 15 s":/Deserialization error/.test(t.message)?"something that is not AWS answered in its place: look at the proxy and the endpoint of this runner":t.message!==""?t.message:t instanceof AggregateError?t.errors.map(hn).join("; "):t.name:String(t)}function Co(t){return t instanceof Error?t.cause:void 0}var D=class extends Error{name="RolloutError"};var Q=class extends D{name="Interrupted"};var xo=1200,ko=6;async function yn(t,e){let{clock:n,deadline:r,signal:s}=e,o=Mo(n),i="",a=0;for(;;){let c={},u=n.now()>=r;try{let d=await t();if(a=0,d.state==="settled")return d.value;d.note!==i&&e.say(d.note),i=d.note,c=d}catch(d){if(a+=1,a>=ko||u)throw d;e.say(`could not look (${ae(d)}), looking again`)}if(u)throw new Q(`The timeout passed while waiting for ${e.what}; last seen: ${i}.`);await l(Math.min(o(c),Math.max(1,r-n.now())))}async function l(c){let u=n.now()+c;do{let d=Math.max(1,u-n.now()),m=e.hint===void 0?d:Math.min(d,xo);s.aborted||await n.sleep(m,s).catch(()=>{})}while(!s.aborted&&n.now()<u&&!await e.hint?.());if(s.aborted)throw new Q(`The run was cancelled while waiting for ${e.what}; last seen: ${i}.`)}}var Do=1e3,En={calm:15e3,soon:8e3,usual:5e3,near:2200},vo={calm:3,soon:1.3,usual:1.3,near:1.3},gn=18,ve={first:6e3,growth:1.15,longest:12e3};function Mo(t){let e=Do,n=0;return({pace:r="usual",notBefore:s=0})=>{let o=Math.min(e,En[r]);e*=vo[r],n=r==="near"?n+1:r==="calm"?0:n;let i=n>gn?ve.first*ve.growth**(n-gn-1):0,a=Math.max(o,Math.min(i,ve.longest))*(.8+.4*t.random());return Math.max(a,Math.min(s-t.now(),En.calm))}}var Po=72707369,Uo="300ms",Sn=60,Fo=5,Ho=`SELECT set_config('lock_timeout', (setting::integer + 300)::text, false)
  FROM pg_settings WHERE name = 'deadlock_timeout'`,le={lockNotAvailable:"55P03",deadlock:"40P01",privilege:"42501",canceled:"57014"};async function _n(t,e,n){let r=await t.connect();try{return await r.run($o),await Bo(r,e),await X(r,pn+mn,"The archive could not be made"),await n(r)}finally{await r.close()}}var $o=`
SET search_path = public;
SET standard_conforming_strings = on;
SET timezone = 'UTC';
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET client_min_messages = warning;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET row_security = off;
`;async function Bo(t,e){await yn(async()=>{let[n]=await t.run("SELECT pg_try_advisory_lock($1) AS held",[Po]);return n?.held===!0?{state:"settled",value:void 0}:{state:"waiting",note:"a web container holds the lock that Prisma migrates under"}},{...e,what:"Prisma's migration lock"})}async function Y(t,e,n){return qo(e,async r=>{await bn(t,e),await t.run(r%Fo===0?Ho:`SET lock_timeout = '${Uo}'`),await t.run("BEGIN; SET CONSTRAINTS ALL IMMEDIATE");try{let s=await n();return await t.run("COMMIT"),s}catch(s){throw await t.run("ROLLBACK").catch(()=>{}),s}})}async function Nn(t,e,n,r){await bn(t,e),await t.run("SET lock_timeout = 0"),await X(t,n,r)}async function qo(t,e){for(let n=1;;n++)try{return await e(n)}catch(r){if(!wn(r))throw r;if(n>=Sn||t.clock.now()>=t.deadline)throw new y(`A table or a row stayed in use in ${n} attempts, and nothing was changed: end what uses it for long, and run the rollback again.`,xe(r),r);t.say(`a table or a row was in use, so nothing was changed; trying again (${n} of ${Sn})`),await t.clock.sleep(500+1e3*t.clock.random(),t.signal)}}function wn(t){let e=k(t);return e===le.lockNotAvailable||e===le.deadlock}async function bn(t,{deadline:e,clock:n}){let r=Math.min(Math.max(Math.ceil(e-n.now()),1e3),2147483647);await t.run(`SET statement_timeout = ${r}`)}async function X(t,e,n){try{await t.run(e)}catch(r){if(wn(r))throw r;let s=k(r),o=s===le.privilege?" The database user of this run has to own Langfuse's tables, and to be allowed to create a schema.":s===le.canceled?" It took longer than the timeout of this run allows.":"";throw new y(`${n}; what it had done in its transaction was rolled back.${o}`,xe(r),r)}}var Wo=5e3;async function Tn(t,e,n,r){return _n(e,n,async s=>{let o={step:t,session:s,execution:n,before:await Zo(s)};return t.phase==="contract"&&await Yo(o),t.phase==="validate"?await Xo(o):await jo(o,t.phase),await r(),await Pe(o,"clickhouse"),await ei(o)})}async function jo(t,e){let{step:n,session:r,execution:s}=t,o=n.postgres.map(i=>ce(t,i,e));await Y(r,s,async()=>{await rn(r,o),e==="expand"&&await Go(t);for(let i of n.postgres)await Ko(t,i,e);await Qo(t),await Pe(t,"postgres")})}async function Go({step:t,session:e}){t.repair!==void 0&&(await e.run(`UPDATE "_prisma_migrations" SET finished_at = now(), applied_steps_count = 1
     WHERE migration_name = ANY($1) AND finished_at IS NULL AND rolled_back_at IS NULL`,[t.repair.finish]),await e.run(`UPDATE "_prisma_migrations" SET rolled_back_at = now()
     WHERE migration_name = ANY($1) AND finished_at IS NULL AND rolled_back_at IS NULL`,[t.repair.forget]))}async function Qo({step:t,session:e}){let{from:n=[],to:r=[]}=t.renamed??{};r.length>0&&await e.run(`INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
       SELECT gen_random_uuid()::text, checksum, name, now(), 1 FROM unnest($1::text[], $2::text[]) AS older (name, checksum)
       WHERE NOT EXISTS (
         SELECT FROM "_prisma_migrations" WHERE migration_name = name AND finished_at IS NOT NULL AND rolled_back_at IS NULL)`,[r.map(({name:o})=>o),r.map(({checksum:o})=>o)]);let s=[...t.postgres,...n];t.phase==="contract"&&s.length>0&&await e.run('DELETE FROM "_prisma_migrations" WHERE migration_name = ANY($1)',[s])}async function Yo(t){for(let e of t.step.postgres)for(let n of An(t,e,"prepare"))await Rn(t,{migration:e,phase:"prepare",statement:n})}async function Xo(t){let{step:e,session:n,execution:r}=t;for(let[s,o]of e.postgres.entries()){let i=e.postgres.slice(s+1);for(let a of An(t,o,"validate"))Jo(t,a,i)||await Vo(t,{migration:o,phase:"validate",statement:a})}await Y(n,r,()=>Pe(t,"postgres"))}async function Vo(t,e){let{session:n,execution:r}=t;try{if(Ce(e.statement)===void 0)return await Rn(t,e);Ln(t,e),await Nn(n,r,e.statement,Me(e))}catch(s){if(!zo(s))throw s;r.say("not needed any more: what it is about is gone")}}async function Rn(t,e){let{session:n,execution:r}=t,s=async()=>{await In(t,e.migration);let o=n.pooled===!0?"":Wo;await n.run(`SELECT set_config('langfuse_rollout.batch', '${o}', true), set_config('langfuse_rollout.more', '', true)`),await X(n,e.statement,Me(e));let[i]=await n.run("SELECT current_setting('langfuse_rollout.more') AS more");return i?.more==="yes"};for(Ln(t,e);await Y(n,r,s););await n.run("SELECT langfuse_rollout.forget_todo_lists()")}async function Ko(t,e,n){let{session:r,execution:s}=t,o=ce(t,e,n);o!==""&&(await In(t,e),s.say(`${e}: ${n}`),await X(r,o,Me({migration:e,phase:n})))}function An(t,e,n){return ie(ce(t,e,n),"postgres")}function ce({execution:t},e,n){return t.facts.downSql("postgres",e)?.sections[n]??""}async function In({session:t,execution:e},n){await t.run("SELECT set_config('langfuse_rollout.rollback_id', $1, true), set_config('langfuse_rollout.migration', $2, true)",[e.rollbackId,n])}function Ln({execution:t},{migration:e,phase:n,statement:r}){let s=r.split(`
`).map(a=>a.trim()),[o="",...i]=s.filter(a=>a!==""&&!a.startsWith("--"));t.say(`${e}: ${n}: ${o}${i.length>0?" \u2026":""}`)}function Me({migration:t,phase:e}){return`The down SQL of ${t}, ${e}, failed`}function Jo(t,e,n){let r=Ce(e);if(r===void 0)return!1;let s=`drop_index('${r.index.replaceAll("'","''")}')`;return n.some(o=>ce(t,o,"contract").includes(s))}function zo(t){let e=t instanceof Error?k(t.cause):void 0;return e==="42P01"||e==="42703"||e==="42704"}async function Pe({step:t,session:e,execution:n},r){let s=r==="postgres"?t.postgres:t.clickhouse.map(H);s.length!==0&&await e.run(`INSERT INTO langfuse_rollout.journal (store, migration, rollback_id, phase)
     SELECT $1, name, $2, $3 FROM unnest($4::text[]) AS name
     ON CONFLICT (store, migration) DO UPDATE SET rollback_id = excluded.rollback_id, phase = excluded.phase, at = now()`,[r,n.rollbackId,t.phase,s])}async function Zo(t){let[e]=await t.run(`SELECT
    (SELECT coalesce(max(id), 0) FROM langfuse_rollout.archived_rows) AS row,
    (SELECT coalesce(max(id), 0) FROM langfuse_rollout.archived_tables) AS table`);return{row:String(e?.row??0),table:String(e?.table??0)}}async function ei(t){let{step:e,session:n,execution:r,before:s}=t;await Y(n,r,()=>n.run("SELECT langfuse_rollout.count_archived_tables()")),await ti(t);let[o]=await n.run(`SELECT (SELECT count(*) FROM langfuse_rollout.archived_rows WHERE id > $1 AND kind <> 'definition')
       + (SELECT coalesce(sum(rows), 0) FROM langfuse_rollout.archived_tables WHERE id > $2) AS archived`,[s.row,s.table]),i=e.phase==="contract";return{postgres:i?e.postgres.length:0,clickhouse:i?e.clickhouse.length:0,archivedRows:Number(o?.archived??0)}}async function ti({session:t,execution:e,before:n}){let r=await t.run(`SELECT row ->> 'definition' AS statement FROM langfuse_rollout.archived_rows
     WHERE id > $1 AND kind = 'definition' AND row ->> 'kind' = 'statement' ORDER BY id`,[n.row]);for(let{statement:s}of r)e.say(`not made again, because it names a label that is gone: ${s}`)}async function On(t,e){let{postgres:n,clickhouse:r}=e;if(n===void 0)throw new y("There is no connection to PostgreSQL.",[]);if(t.clickhouse.length>0){if(r===void 0)throw new y("There is no connection to ClickHouse.",[]);await Jt(t,r,e)}let s=0,o=await Tn(t,n,e,async()=>{r===void 0||t.clickhouse.length===0||(s=await zt(t,r,e))});return{...o,archivedRows:o.archivedRows+s}}function ue(t){return{sentence:ae(t),name:t instanceof Error?t.name:"Error",sqlState:Cn(t),evidence:t instanceof y?t.evidence:[]}}function Cn(t){return k(t)??(t instanceof Error&&t.cause?Cn(t.cause):void 0)}function xn({postgres:t}){if(t!==void 0)return t;throw new y("There is no connection to PostgreSQL: the worker's task definition has neither DATABASE_URL nor its parts.",[])}var vn=require("node:http"),Mn=require("node:https"),Pn=require("node:stream/consumers");var kn=6e4;function Un(t,e="(input `clickhouse-url`) cannot be reached: check the name, the port and the security group of this runner"){let{host:n}=new URL(t.url);return{address:n,async ping({timeoutMs:r=kn}={}){let s=await Dn({url:`${t.url}/ping`,method:"GET",address:n,hint:e,timeoutMs:r});return s.status===200&&s.body.trim()==="Ok."},async run(r,{timeoutMs:s=kn}={}){let o=new URLSearchParams({database:t.database,default_format:"JSONEachRow",output_format_json_quote_64bit_integers:"1"}),i=await Dn({url:`${t.url}/?${o}`,method:"POST",body:r,headers:{"X-ClickHouse-User":t.user,"X-ClickHouse-Key":t.password},address:n,hint:e,timeoutMs:s});if(i.status!==200)throw new D(`ClickHouse at ${n} refused a statement: ${i.body.trim().slice(0,500)}`);return i.body.split(`
`).filter(a=>a.trim()!=="").map(a=>JSON.parse(a))}}}async function Dn(t){let{url:e,method:n,body:r,headers:s,address:o,hint:i,timeoutMs:a}=t,l=e.startsWith("https:")?Mn.request:vn.request,c=!1;try{return await new Promise((u,d)=>{let m={method:n,headers:{...s},agent:!1,signal:AbortSignal.timeout(a)},N=l(e,m,C=>{(0,Pn.text)(C).then(T=>u({status:C.statusCode??0,body:T}),d)});N.on("error",d),N.on("socket",C=>{C.setKeepAlive(!0,3e4),C.once("connect",()=>{c=!0})}),N.end(r)})}catch(u){throw new D(c?`ClickHouse at ${o} has taken a statement and not answered; it may still be at it.`:`ClickHouse at ${o} ${i}.`,{cause:u})}}var Fn=require("node:timers/promises"),Ue={now:()=>Date.now(),sleep:(t,e)=>(0,Fn.setTimeout)(t,void 0,e===void 0?{}:{signal:e}),random:()=>Math.random()};var uc=1e4,dc=["schema","connection_limit","pool_timeout","pgbouncer","connect_timeout","socket_timeout","statement_cache_size","sslaccept","sslidentity","sslpassword"];function gs(t,e="(input `database-url`) cannot be reached: check the address, the password and the security group of this runner"){let n=new URL(t),r=`${n.hostname}:${n.port||"5432"}${n.pathname}`,s=fc(n);for(let o of dc)n.searchParams.delete(o);return{address:r,async connect(){try{return await ys(s,n.href)}catch(o){throw new D(`PostgreSQL at ${r} ${e}.`,{cause:o})}}}}function fc({searchParams:t}){let e=t.get("sslmode")??"prefer",n={rejectUnauthorized:t.get("sslaccept")==="strict"};return e==="disable"?[!1]:e!=="require"&&e!=="prefer"?[void 0]:(t.delete("sslmode"),e==="require"?[n]:[n,!1])}async function ys(t,e){let[n,...r]=t;try{return await pc(e,n)}catch(s){if(!(s instanceof Error&&/does not support SSL/.test(s.message))||r.length===0)throw s;return ys(r,e)}}async function pc(t,e){let{default:n}=await Promise.resolve().then(()=>(Es(),hs)),r=new n.Client({connectionString:t,application_name:"langfuse-rollout",connectionTimeoutMillis:uc,keepAlive:!0,...e!==void 0&&{ssl:e}});return r.on("error",()=>{}),await r.connect(),{async run(s,o){let i=o===void 0?await r.query(s):await r.query(s,[...o]);return mc(i)},close:()=>r.end()}}function mc(t){let e=Array.isArray(t)?t.at(-1):t;return typeof e!="object"||e===null||!("rows"in e)||!Array.isArray(e.rows)?[]:e.rows}function Ss(t,e){return[...e].filter(s=>s!=="").sort((s,o)=>o.length-s.length).reduce((s,o)=>s.replaceAll(o,"***"),t).replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi,"$1:***@")}var _s=require("node:crypto"),xt=require("node:zlib"),hc="LANGFUSE-ROLLOUT ",be=2400,Ec=16e3,Wd=64*1024*1024;function Ns(t,e){let n=(0,_s.createHash)("sha256"),r=0,s=(i,a)=>{let l=JSON.stringify({n:t,i:r,k:i,v:a});e(`${hc}${l}`),n.update(`${l}
`),r+=1},o=(i,a)=>{let l=JSON.stringify(a),c=l.length>Ec,u=gc(c?(0,xt.deflateRawSync)(l).toString("base64"):l);for(let d of u)s(c?`packed ${i}`:i,d)};return{say:i=>s("say",i.slice(0,be)),result:i=>o("result",i),failure:i=>o("failure",i),end:()=>s("end",{count:r,sha256:n.copy().digest("hex")})}}function gc(t){return Array.from({length:Math.ceil(t.length/be)},(e,n)=>t.slice(n*be,(n+1)*be))}function ws(t){let{DATABASE_URL:e,DATABASE_HOST:n,DATABASE_NAME:r,DATABASE_ARGS:s}=t;if(e)return e;let{DATABASE_USERNAME:o,DATABASE_PASSWORD:i}=t;if(!(!n||!r||!o||!i))return`postgresql://${o}:${i}@${n}/${r}${s?`?${s}`:""}`}function bs(t){let{CLICKHOUSE_URL:e,CLICKHOUSE_USER:n,CLICKHOUSE_PASSWORD:r,CLICKHOUSE_DB:s}=t;if(!e||!URL.canParse(e))return;let o=new URL(e),[i,a]=[decodeURIComponent(o.username),decodeURIComponent(o.password)];return o.username="",o.password="",{url:o.href.replace(/\/+$/,""),user:n||i||"default",password:r||a,database:s||"default"}}var yc=/PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY|AUTH|SALT|URL|CONNECTION|ARGS/;function Ts(t){let e=Object.entries(t).flatMap(([n,r=""])=>!yc.test(n)||n==="REDIS_KEY_PREFIX"?[]:URL.canParse(r)?Sc(new URL(r)):[r]);return[...new Set(e)].filter(n=>n.length>=6)}function Sc({password:t}){try{return[t,decodeURIComponent(t)]}catch{return[t]}}async function As(t,e){let n=Ts(process.env),r=(a,l)=>typeof l=="string"?Ss(l,n):l,s=Ns(t.nonce,a=>process.stdout.write(`${a}
`)),o=new AbortController,i=(a,l)=>{o.abort(new Error(a)),s.say(a),Rs(l)};for(let a of["SIGTERM","SIGINT"])process.once(a,()=>i(`the agent was stopped (${a})`,143));setTimeout(()=>i("the agent ran out of time",4),t.timeoutMs).unref(),Rs(await _c({spec:t,work:e,reporter:s,clean:r,signal:o.signal}))}async function _c({spec:t,work:e,reporter:n,clean:r,signal:s}){let o=i=>JSON.parse(JSON.stringify(i,r));try{let i=await e({...Nc(process.env),environment:process.env,clock:Ue,deadline:Ue.now()+t.timeoutMs,signal:s,say:a=>n.say(String(r("",a)))});return n.result(o(i)),0}catch(i){return n.failure(o(ue(i))),3}finally{n.end()}}function Nc(t){let e=ws(t),n=bs(t);return{postgres:e!==void 0&&URL.canParse(e)?gs(e,"cannot be reached from where the worker stands: check its DATABASE_URL and the security groups between them"):void 0,clickhouse:n&&Un(n,"cannot be reached from where the worker stands: check its CLICKHOUSE_URL, Cloud Map and the security groups between them")}}function Rs(t){process.stdout.write("",()=>process.exit(t))}function Is(t){let e=n=>typeof n=="number"?H(n):n;return{downSql:(n,r)=>t.find(s=>s.engine===n&&s.file.migration===e(r))?.file}}async function wc(t){await As(t,async e=>{if(t.job.kind!=="undo")throw new Error("This program only undoes.");return Ls(t.job,e)})}async function Ls({steps:t,rollbackId:e,files:n},r){let s=xn(r),o=Is(n),i=[];for(let a of t)try{i.push(await On(a,{...r,postgres:s,rollbackId:e,facts:o}))}catch(l){return{counts:i,failure:ue(l)}}return{counts:i}}0&&(module.exports={agent,undo});
