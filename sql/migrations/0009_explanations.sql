-- Scores explained, questions asked of models and data. SimilarPatients compares standardised vectors and keeps them in
-- dbo.binary_vectors; those of length 1, which a procedure of before makes again, are let go.
IF OBJECT_ID(N'dbo.unit_vectors', N'U') IS NOT NULL
    EXECUTE (N'DELETE FROM dbo.unit_vectors;');
