"""Street View House Numbers (Netzer et al. 2011), format 1: whole numbers with a box a digit.

`files` finds the archives (or what was unpacked from them), `annotations` reads their
`digitStruct.mat`, `crops` cuts the number out as Goodfellow et al. (2013) did, `prepared` keeps the
result in the user's cache, and `validation` says which images are held out.

The archives are read as streams. Nothing is unpacked to the disk: 33,402 small files would cost
more than reading an archive again, and what is never written cannot land in a wrong place or be
left there half done.
"""
