-- ReadWork: gives a worker the slices or pictures that it has leased, or the network to run over them.
-- Example: EXECUTE dbo.ReadWork @Network = 1;
CREATE OR ALTER PROCEDURE dbo.ReadWork
    @Network BIT = 0, -- 1 gives the bytes of the network, 0 the slices or pictures
    @Help BIT = 0     -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadWork is called by lungdb work after TakeWork. It returns a row a slice of the leased scans, as the script of
GenerateFeatures gets them, ordered by scan_id and slice_index, or a row a leased picture, as that of FeaturizeImages does;
or one row with the network.
Parameters:
    @Network BIT = 0  1 gives the bytes of the network, 0 the slices or pictures
    @Help BIT = 0     1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadWork @Network = 1;';
        RETURN 0;
    END;

    IF OBJECT_ID(N'tempdb..#job') IS NULL
        THROW 50463, N'The tables of a worker are not there. lungdb work makes them; call this through it.', 1;
    IF @Network = 1
        SELECT n.model FROM #job AS j INNER JOIN dbo.networks AS n ON n.network_id = j.network_id;
    ELSE IF EXISTS (SELECT 1 FROM #job WHERE procedure_name = N'FeaturizeImages')
        EXECUTE internal.ReadPictures;
    ELSE
        EXECUTE internal.ReadLeasedSlices;
END;
