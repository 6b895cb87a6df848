"""Deep embedded clustering (Xie, Girshick and Farhadi, ICML 2016) and its improvement (Guo et al., IJCAI 2017)."""
