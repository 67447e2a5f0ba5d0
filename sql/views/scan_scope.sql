-- What a scan is like, in what dbo.model_scope judges: slice thickness (the spacing of slices where the files do not tell it) and the
-- length that its slices cover, in millimetres; contrast and reconstruction kernel. NULL: not known.
CREATE OR ALTER VIEW dbo.scan_scope
AS
SELECT
    s.scan_id,
    COALESCE(s.slice_thickness, s.spacing_z) AS thickness,
    s.number_images * s.spacing_z AS coverage,
    CASE s.has_contrast WHEN 1 THEN N'with contrast' WHEN 0 THEN N'without contrast' END AS contrast,
    UPPER(NULLIF(LTRIM(RTRIM(s.convolution_kernel)), N'')) AS kernel
FROM dbo.scans AS s;
