-- The settings that procedures read, with their defaults; a value that the site has chosen is kept.
INSERT INTO dbo.settings (name, value)
SELECT d.name, d.value
FROM (
    VALUES
        (N'series_rule', N'thickness=0-2.5;kernels=B3*,B4*,I3*,I4*,D3*,D4*,Br3*,Br4*,Bf3*,Bf4*,Qr3*,Qr4*,STANDARD*,FC0*,FC1*,B,C,B_SOFT*'
            + N'>B1*,B2*,B5*,I2*,I5*,Br2*,Br5*,SOFT*,DETAIL,CHEST,A;prefer=thinnest'),
        (N'external_language', N'Python'),
        (N'providers', NULL),
        (N'threads', NULL),
        (N'split_key', N'lungdb'),
        (N'test_percent', N'25'),
        (N'prevalence', NULL),
        (N'serve', N'champion'),
        (N'default_network', NULL),
        (N'prepared_gigabytes', N'0'),
        (N'kept_maps_gigabytes', N'10')
) AS d (name, value)
WHERE NOT EXISTS (SELECT 1 FROM dbo.settings AS s WHERE s.name = d.name);
