const n=67,O=[67],R={8067:((d,o,_)=>{_.r(o),_.d(o,{default:()=>P});var E=_(8995),t=_(543),s=_(1701);const D=(0,E.createRequire)(import.meta.url),P=(0,t.n)()})};export{n as id,O as ids,R as modules};
