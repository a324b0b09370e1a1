const M=303,O=[303],R={1303:((D,E,_)=>{_.d(E,{GitHub:()=>t.gq});var o=_(8995),t=_(5831),s=_(543),P=_(1701);const d=(0,o.createRequire)(import.meta.url)})};export{M as id,O as ids,R as modules};
