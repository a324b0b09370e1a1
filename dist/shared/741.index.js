const M=741,O=[741],R={2741:((s,o,_)=>{_.d(o,{GitHub:()=>t.gq});var E=_(8995),t=_(7927),D=_(543),P=_(1701);const d=(0,E.createRequire)(import.meta.url)})};export{M as id,O as ids,R as modules};
