
 -- nothing

