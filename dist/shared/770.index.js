const d=770,O=[770],R={8770:((P,o,_)=>{_.d(o,{GitHub:()=>t.gq});var E=_(8995),t=_(8681),s=_(1550),D=_(6980);const M=(0,E.createRequire)(import.meta.url)})};export{d as id,O as ids,R as modules};
