"""TEMI (Adaloglou et al., BMVC 2023): heads on frozen features that give neighbours the cluster of a teacher."""
