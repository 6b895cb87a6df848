"""Deep adaptive image clustering (Chang, Wang, Meng, Xiang and Pan, ICCV 2017)."""
