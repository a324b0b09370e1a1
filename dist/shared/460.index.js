const M=460,O=[460],R={3460:((s,o,_)=>{_.d(o,{GitHub:()=>t.gq});var E=_(8995),t=_(5116),D=_(9417),P=_(1611);const d=(0,E.createRequire)(import.meta.url)})};export{M as id,O as ids,R as modules};
